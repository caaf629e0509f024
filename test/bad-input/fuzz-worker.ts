/** The thread of one target: input after input, each from its seed; the first fault ends it. */
import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { randomOf } from '#core'
import { TARGETS } from './fuzz-targets.ts'
import type { Job, Outcome } from './run-fuzz.ts'

/** Most processor time for one input; a hundred times what the slowest takes. */
const MOST_CPU_MS = 5000

const { target, seed, runs, seconds, at } = workerData as Job
const place = new BigInt64Array(at)
const open = TARGETS[target]
assert.ok(open !== undefined, `no target ${target}; there are ${Object.keys(TARGETS).join(', ')}`)
await using owned = new AsyncDisposableStack()
const once = await open(owned)
const end = performance.now() + seconds * 1000
let slowest = { ms: 0, seed }
let inputs = 0
for (; inputs < runs || performance.now() < end; inputs++) {
  Atomics.store(place, 0, BigInt(seed + inputs))
  const before = process.threadCpuUsage()
  await once(randomOf(seed + inputs))
  const { user, system } = process.threadCpuUsage(before)
  const ms = (user + system) / 1000
  assert.ok(ms < MOST_CPU_MS, `${ms} ms of processor time`)
  if (ms > slowest.ms) slowest = { ms, seed: seed + inputs }
}
parentPort?.postMessage({ inputs, slowestMs: slowest.ms, slowestSeed: slowest.seed } satisfies Outcome)
