/** The law of clocks that jump: whatever an application does to them, its answers are its own, and no duration is told that never was. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { parsePage, samplesOf } from '../test-support/parse-page.ts'
import { type Service, startService, until } from '../test-support/service.ts'

const SERVED = 'http_server_request_duration_seconds'
const ASKED = 'http_client_request_duration_seconds'
const CENTURY_MS = 36_525 * 86_400_000
const USERS = 6
/** Of each request: itself and the two that it makes. */
const EACH = 3

let service: Service
before(async () => {
  service = await startService('clock-service.ts', {
    ASSAY_USERS: 'header:x-user-id',
    ASSAY_CLIENTS: 'on',
    ASSAY_AGENT_TOKEN: 'a token',
  })
})
after(async () => await service?.[Symbol.asyncDispose]())

type Jump = { readonly wall: number; readonly monotonic: number; readonly user: number }
const byMs = fc.oneof(
  fc.constantFrom(0, 1, -1, 60_000, -60_000, CENTURY_MS, -CENTURY_MS),
  fc.integer({ min: -CENTURY_MS, max: CENTURY_MS }),
)
const jumps: fc.Arbitrary<readonly Jump[]> = fc.array(
  fc.record({ wall: byMs, monotonic: byMs, user: fc.nat({ max: USERS - 1 }) }),
  { minLength: 1, maxLength: 6 },
)

async function ask({ wall, monotonic, user }: Jump): Promise<void> {
  const headers = { 'x-wall': String(wall), 'x-monotonic': String(monotonic), 'x-user-id': `u${user}` }
  const answer = await fetch(`http://127.0.0.1:${service.ready['port']}/outer`, { headers })
  assert.deepEqual([answer.status, await answer.text()], [200, 'ok'])
}

type Told = { readonly counts: readonly number[]; readonly seconds: readonly number[]; readonly page: string }

async function told(): Promise<Told> {
  const page = await service.metrics({ authorization: 'Bearer a token' })
  const sum = (name: string): number =>
    page.includes(name) ? samplesOf(page, name).reduce((total, { value }) => total + value, 0) : 0
  return {
    counts: [sum(`${SERVED}_count`), sum(`${ASKED}_count`)],
    seconds: [sum(`${SERVED}_sum`), sum(`${ASKED}_sum`)],
    page,
  }
}

test('clocks that jump forth and back change no answer, no count, and no duration', async () => {
  await ask({ wall: 0, monotonic: 0, user: 0 })
  await fc.assert(
    fc.asyncProperty(jumps, async (given) => {
      const earlier = await told()
      const began = process.hrtime.bigint()
      for (const jump of given) await ask(jump)
      const counts = [earlier.counts[0]! + EACH * given.length, earlier.counts[1]! + (EACH - 1) * given.length]
      const later = await until(told, (now) => now.counts[0]! >= counts[0]! && now.counts[1]! >= counts[1]!)
      const took = Number(process.hrtime.bigint() - began) / 1e9
      assert.deepEqual(later.counts, counts)
      for (const [i, seconds] of later.seconds.entries()) {
        const spent = seconds - earlier.seconds[i]!
        assert.ok(spent > 0 && spent <= took * EACH, `${spent} s in ${took} s`)
      }
      const samples = [...parsePage(later.page, 'text').values()].flatMap((family) => family.samples)
      for (const { name, value } of samples) assert.ok(Number.isFinite(value) && value >= 0, `${name} ${value}`)
      assert.ok(samples.filter(({ name }) => name === 'http_server_active_requests').every(({ value }) => value === 0))
      for (const { value } of samples.filter(({ name }) => name === 'assay_active_users')) assert.ok(value <= USERS)
      const faults = samples.filter(({ name, value }) => name === 'assay_agent_faults_total' && value > 0)
      assert.deepEqual(faults, [])
    }),
    { numRuns: 25 },
  )
  // The wall clock is asked once a second: the first of these may still be counted by one that has jumped.
  await until(
    async () => {
      await ask({ wall: 0, monotonic: 0, user: 3 })
      return samplesOf((await told()).page, 'assay_active_users').find(({ labels }) => labels['window'] === '5m')
    },
    (sample) => (sample?.value ?? 0) >= 1,
  )
})
