/**
 * A word of shared memory in which the main thread notes that it has heard a question, in the moment it does.
 *
 * A message back would have to wait for two loops: for this thread's, and for the main thread's to come to its next turns. The note is there
 * at once, so that a loop whose turns are long but which does turn is told from one that stands still.
 */

const BYTES = 16
const AT = 8

export function makeHeard(): SharedArrayBuffer {
  return new SharedArrayBuffer(BYTES)
}

/** On the main thread. */
export function noteHeard(heard: SharedArrayBuffer, id: number): void {
  new Float64Array(heard, AT, 1)[0] = clockMs()
  Atomics.store(new Int32Array(heard, 0, 1), 0, id)
}

/** When the question of that number was heard, by `clockMs`; undefined when it was not yet. */
export function heardAt(heard: SharedArrayBuffer, id: number): number | undefined {
  return Atomics.load(new Int32Array(heard, 0, 1), 0) === id ? new Float64Array(heard, AT, 1)[0] : undefined
}

/** Milliseconds of a clock that never goes back and is the same for all threads: that of `performance` begins with its thread. */
export function clockMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1e6
}
