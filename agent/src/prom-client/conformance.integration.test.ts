/** The drop-in beside prom-client 15: the same calls, the same values, pages and errors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import real from 'prom-client'
import { CASES, type Client, canonical, DIFFERENCES } from '../test-support/prom-client-cases.ts'

process.env['ASSAY_AGENT_LISTEN'] = '127.0.0.1:0'
const { default: dropIn } = await import('./index.ts')
const ours = dropIn as unknown as Client

async function answer(client: Client, run: (client: Client) => unknown): Promise<unknown> {
  client.register.clear()
  try {
    return plain(await run(client))
  } catch (cause) {
    return String(cause)
  } finally {
    client.register.clear()
  }
}

/** What JSON would tell, with what it cannot: prototypes, and keys without a value, are nobody's business. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  const kept = Object.entries(value).filter(([, one]) => one !== undefined && one !== null)
  return Object.fromEntries(kept.map(([key, one]) => [key, plain(one)]).sort())
}

for (const { why, run } of CASES) {
  test(`as prom-client: ${why}`, async () => {
    assert.deepEqual(await answer(ours, run), await answer(real, run))
  })
}

for (const { why, reason, run, theirs, ours: expected } of DIFFERENCES) {
  test(`unlike prom-client: ${why}. ${reason}`, async () => {
    assert.deepEqual(await answer(real, run), plain(theirs))
    assert.deepEqual(await answer(ours, run), plain(expected))
  })
}

const label = fc.constantFrom('a', 'b', 'c', 'x"y', 'ä')
const number = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ min: 0, max: 20, noNaN: true }))
const step = fc.oneof(
  fc.record({ act: fc.constant('inc' as const), label, number }),
  fc.record({ act: fc.constant('child' as const), label, number }),
  fc.record({ act: fc.constant('set' as const), label, number }),
  fc.record({ act: fc.constant('dec' as const), label, number }),
  fc.record({ act: fc.constant('observe' as const), label, number }),
  fc.record({ act: fc.constant('zero' as const), label, number }),
  fc.record({ act: fc.constantFrom('remove' as const, 'reset' as const), label, number }),
)

async function pageAfter(client: Client, steps: readonly { act: string; label: string; number: number }[]) {
  const registers = [new client.Registry()]
  const counter = new client.Counter({ name: 'c', help: 'h', labelNames: ['l', 'm'], registers })
  const gauge = new client.Gauge({ name: 'g', help: 'h', labelNames: ['l'], registers })
  const histogram = new client.Histogram({ name: 'h', help: 'h', labelNames: ['l'], buckets: [1, 5], registers })
  const kept = ['a', 'b', 'c', 'x"y', 'ä'].map((l) => [l, counter.labels(l, 'kept'), histogram.labels(l)] as const)
  for (const { act, label: l, number: value } of steps) {
    const child = kept.find(([name]) => name === l)!
    if (act === 'inc') counter.inc({ l }, value)
    else if (act === 'set') gauge.set({ l }, value)
    else if (act === 'dec') gauge.dec({ l }, value)
    else if (act === 'observe') histogram.observe({ l }, value)
    else if (act === 'zero') histogram.zero({ l })
    else if (act === 'reset') for (const metric of [counter, gauge, histogram]) metric.reset()
    else if (act === 'remove') {
      counter.remove(l, 'kept')
      gauge.remove(l)
      histogram.remove(l)
    } else {
      child[1].inc(value)
      child[2].observe(value)
    }
  }
  const page = canonical(await registers[0]!.metrics())
  registers[0]!.clear()
  return page
}

test('any run of calls ends in the same page', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const sorted = (page: string): string[] => page.split('\n').sort()
      assert.deepEqual(sorted(await pageAfter(ours, steps)), sorted(await pageAfter(real, steps)))
    }),
  )
})
