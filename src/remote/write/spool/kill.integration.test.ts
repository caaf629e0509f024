/**
 * The spool under `kill -9`: a child writes, tells what was acknowledged and sends it to a receiver that is unreliable; it is killed at random
 * moments, and in the end the receiver has all that was acknowledged.
 *
 * The receiver is as strict as Prometheus': it refuses a whole request for one sample that is older than the last of its series. So
 * what is sent again after a kill must not cost what is new beside it. `ASSAY_KILLS` sets the number of kills.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { uncompressSync } from 'snappy'
import { randomOf } from '#core'
import { decodeWriteRequest } from '../decode-v1.ts'

const KILLS = Number(process.env['ASSAY_KILLS'] ?? 8)
const root = await mkdtemp(join(tmpdir(), 'assay-spool-kill-'))
after(() => rm(root, { recursive: true }))
const child = fileURLToPath(new URL('./testdata/sending-child.ts', import.meta.url))

/** Keeps what it took, by series and instant; `random` says when it is down, slow, or takes a request and says nothing. */
async function openReceiver(random: () => number) {
  const taken = new Map<string, number>()
  const last = new Map<string, number>()
  const state = { isCalm: false, refused: 0, again: 0 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const dice = state.isCalm ? 1 : random()
      if (dice < 0.2) return void response.writeHead(503).end('down')
      const { series, timestamps, values } = decodeWriteRequest(
        Buffer.from(uncompressSync(Buffer.concat(chunks), { asBuffer: true }) as Buffer),
      )
      const samples = series.map(({ labels, from }) => ({
        name: labels.get('series'),
        at: timestamps[from]!,
        value: values[from]!,
      }))
      // All or nothing.
      const before = new Map(last)
      for (const { name, at, value } of samples) {
        const newest = before.get(name) ?? 0
        if (at < newest || (at === newest && taken.get(`${name}@${at}`) !== value && taken.has(`${name}@${at}`))) {
          state.refused++
          return void response.writeHead(400).end('out of order sample')
        }
        before.set(name, at)
      }
      for (const { name, at, value } of samples) {
        const known = taken.get(`${name}@${at}`)
        if (known !== undefined) state.again++
        assert.ok(known === undefined || known === value, 'the same instant, another value')
        taken.set(`${name}@${at}`, value)
        last.set(name, Math.max(last.get(name) ?? 0, at))
      }
      if (dice < 0.3) return void request.socket.destroy()
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    taken,
    state,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** The last commit that was acknowledged. */
async function run(dir: string, url: string, first: number, killAfter: number): Promise<number> {
  const running = spawn(process.execPath, ['--conditions=assay-src', child, dir, url, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(running, 'exit')
  let acknowledged = first - 1
  for await (const line of createInterface({ input: running.stdout })) {
    if (line === 'sent') break
    acknowledged = Number(line)
    if (acknowledged >= first + killAfter) running.kill('SIGKILL')
  }
  await exited
  return acknowledged
}

test(`after ${KILLS} kills at random moments the receiver gets everything that was acknowledged, equal where it comes twice`, async () => {
  const random = randomOf(Date.now() % 2 ** 31)
  const number = () => random.int(1e6) / 1e6
  await using receiver = await openReceiver(number)
  const dir = join(root, 'spool')
  let acknowledged = -1
  for (let kill = 0; kill < KILLS; kill++) {
    const first = acknowledged + 1
    acknowledged = await run(dir, receiver.url, first, 5 + Math.floor(number() * 200))
    assert.ok(acknowledged >= first)
    // A commit that was not acknowledged may be there: the next ones must not contradict it.
    acknowledged += 50
    for (let skipped = acknowledged - 49; skipped <= acknowledged; skipped++) gaps.add(skipped)
  }
  receiver.state.isCalm = true
  await run(dir, receiver.url, -1, Infinity)
  const lost: string[] = []
  for (let commit = 0; commit <= acknowledged; commit++) {
    if (gaps.has(commit)) continue
    for (let series = 0; series < 10; series++)
      if (receiver.taken.get(`${series}@${1.7e12 + commit}`) !== commit) lost.push(`${series}@${commit}`)
  }
  assert.deepEqual(lost, [])
})

/** Commits that nobody was told of. */
const gaps = new Set<number>()
