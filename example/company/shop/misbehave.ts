/**
 * What can go wrong inside the shop's own process, each bounded so that the machine survives it.
 *
 * - `memory-leak`: 4 MiB a second are kept and never used again, 400 MiB at most; let go when healed.
 * - `cpu-burn`: a runaway computation beside the event loop, in a thread, nine tenths of one core.
 */
import { Worker } from 'node:worker_threads'
import type { Faults } from '../base/faults.ts'

const LEAK_STEP_BYTES = 4 * 1024 * 1024
const LEAK_MAX_STEPS = 100
const BURN = `
  const still = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const until = performance.now() + 90
    while (performance.now() < until) Math.sqrt(Math.random())
    Atomics.wait(still, 0, 0, 10)
  }
`

export function misbehave(faults: Faults): Disposable {
  const leaked: Buffer[] = []
  let burner: Worker | undefined
  const timer = setInterval(() => {
    if (!faults.on('memory-leak')) leaked.length = 0
    else if (leaked.length < LEAK_MAX_STEPS) leaked.push(Buffer.alloc(LEAK_STEP_BYTES, leaked.length))
  }, 1000)
  timer.unref()
  faults.onChange(() => {
    if (faults.on('cpu-burn')) burner ??= new Worker(BURN, { eval: true, execArgv: [] })
    else {
      void burner?.terminate()
      burner = undefined
    }
  })
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      void burner?.terminate()
    },
  }
}
