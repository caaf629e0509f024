/** The store and the state under `kill -9`: a child writes and tells what was acknowledged; afterwards all of that is there. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ManualClock, matcher, silentLog, unixMs } from '#core'
import { openTsdb } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-kill-'))
after(() => rm(root, { recursive: true }))

const KILLS = 12
const child = fileURLToPath(new URL('./testdata/appending-child.ts', import.meta.url))

/** Runs the child until it has acknowledged `until` more batches, then kills it; returns the last batch acknowledged. */
async function runAndKill(dir: string, first: number, until: number): Promise<number> {
  const running = spawn(process.execPath, ['--conditions=assay-src', child, dir, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(running, 'exit')
  let last = first - 1
  for await (const line of createInterface({ input: running.stdout })) {
    last = Number(line)
    // Lines that are in the pipe when the process dies still count: they were acknowledged.
    if (last >= first + until) running.kill('SIGKILL')
  }
  const [code, signal] = await exited
  assert.deepEqual([code, signal], [null, 'SIGKILL'])
  return last
}

test(`after ${KILLS} kills at random moments every acknowledged sample is there, once, and each batch is whole`, async () => {
  const dir = join(root, 'store')
  let acknowledged = -1
  for (let kill = 0; kill < KILLS; kill++) {
    acknowledged = await runAndKill(dir, acknowledged + 1, Math.floor(Math.random() * 400))
    await using store = await openTsdb({
      dir,
      clock: new ManualClock(),
      log: silentLog,
      maxAheadMs: Infinity,
      blockMs: 100_000,
      checkpointBytes: 5000,
    })
    using querier = store.querier(unixMs(-1e6), unixMs(1e12))
    const found = querier.select([matcher('__name__', '=', 'm')])
    const lengths = new Set<number>()
    for (const series of found) {
      const i = Number(series.labels.get('i'))
      const { timestamps, values, histograms, starts, count } = series.samples()
      lengths.add(count)
      for (let n = 0; n < count; n++) {
        const [value, start] = i === 9 ? [n + 1, 1 + Math.floor(n / 100)] : [n * 10 + i, undefined]
        assert.deepEqual([timestamps[n], histograms?.[n]?.count ?? values[n], starts?.[n]], [n * 1000, value, start])
        assert.equal(histograms?.[n]?.resetHint, i < 9 ? undefined : n === 0 ? 'unknown' : 'none')
      }
    }
    assert.equal(found.length, 10)
    assert.equal(lengths.size, 1, `kill ${kill}: batches are whole, found lengths ${[...lengths].join(' ')}`)
    const [count] = [...lengths]
    const late = querier.select([matcher('__name__', '=', 'late')]).map((series) => series.samples())
    assert.deepEqual(
      late.map((samples) => samples.count),
      [count, count],
      `kill ${kill}: late samples are there with their batch, once`,
    )
    const order = Array.from({ length: count! }, (_, n) => n).sort((a, b) => (a ^ 3) - (b ^ 3))
    for (const [k, n] of order.entries()) {
      assert.deepEqual([late[0]!.timestamps[k], late[0]!.values[k]], [(n ^ 3) * 1000, n])
      assert.deepEqual([late[1]!.timestamps[k], late[1]!.histograms?.[k]?.count], [k * 1000 - 250_500, k + 1])
    }
    assert.ok(count! > acknowledged, `kill ${kill}: ${acknowledged + 1} batches acknowledged, ${count} there`)
    // What was written and not told is there too; the child goes on after it.
    acknowledged = count! - 1
  }
})
