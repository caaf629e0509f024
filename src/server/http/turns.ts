/**
 * Lets others have their turn during long work on lists: the process has one thread, and who asks for a million series must not
 * keep it from writing, answering and being healthy.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Call it once for each thing looked at, and await what it returns, if anything. Every `every` things others go first; throws
 * the reason when nobody waits any more by then.
 */
export function turns(waiting: Pick<AbortSignal, 'throwIfAborted'>, every: number): () => Promise<void> | undefined {
  let left = every
  return () => {
    if (--left > 0) return undefined
    left = every
    return nextTurn().then(() => waiting.throwIfAborted())
  }
}
