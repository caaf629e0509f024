/**
 * Runs a target of the fuzzer in a thread of its own, and watches it from outside: an input that never ends, or that takes all
 * memory, is a fault with a seed like any other.
 *
 * Input n of a run with seed s is made from s + n alone, so what failed fails again with its seed.
 */
import { Worker } from 'node:worker_threads'

/** What the thread of a target is told. */
export type Job = {
  readonly target: string
  readonly seed: number
  /** At least so many inputs, and as many more as there is time for. */
  readonly runs: number
  readonly seconds: number
  /** Where the thread says which seed it is at. */
  readonly at: SharedArrayBuffer
}
export type Outcome = { readonly inputs: number; readonly slowestMs: number; readonly slowestSeed: number }

/** One input that takes longer than this, by the clock on the wall, is taken for one that never ends. */
const HANG_MS = 30_000
/** What no input of these sizes needs. */
const HEAP_MB = 1024

/** Rejects with the seed when an input is taken wrongly, does not end, or takes all memory. */
export async function runFuzz(job: Omit<Job, 'at'>): Promise<Outcome> {
  const at = new SharedArrayBuffer(8)
  const place = new BigInt64Array(at)
  Atomics.store(place, 0, BigInt(job.seed))
  const worker = new Worker(new URL('fuzz-worker.ts', import.meta.url), {
    workerData: { ...job, at } satisfies Job,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  const again = () =>
    `node --conditions=assay-src scripts/fuzz.ts --only ${job.target} --seed ${Atomics.load(place, 0)}`
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  worker.on('message', resolve)
  worker.on('error', (cause) => reject(new Error(`${cause}; run it again with ${again()} --runs 1`, { cause })))
  worker.on('exit', () => reject(new Error(`the thread ended; run it again with ${again()} --runs 1`)))
  let before = -1n
  const watch = setInterval(() => {
    const now = Atomics.load(place, 0)
    if (now === before) reject(new Error(`no end after ${HANG_MS} ms; run it again with ${again()} --runs 1`))
    before = now
  }, HANG_MS)
  try {
    return await promise
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}
