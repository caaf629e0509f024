/**
 * The hands: an intent becomes one call on a runtime, and what the runtime then says becomes its outcome.
 *
 * - A call that fails or hangs is not taken at its word: the runtime is asked what is there now.
 * - After a crash nothing is repeated: the intent holds the state before, and the state now tells what happened.
 */
import { AssayError, type Clock, messageOf } from '#core'
import type { ActionRecord } from './records.ts'
import type { Runtime, WorkloadStatus } from './types.ts'

export type Outcome = { readonly outcome: 'done' | 'failed' | 'lost'; readonly error?: string }
export type Limits = {
  /** The longest a call may take. */
  readonly actionTimeoutMs: number
  /** The longest a question may take. */
  readonly statusTimeoutMs: number
  /** How long a call that a crash cut off may go on before it counts as not made. */
  readonly settleMs: number
}

/** Runs `work` with a signal that aborts after `ms`; rejects with `ASSAY_RUNTIME_TIMEOUT` then, whatever `work` does. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const done = new AbortController()
  const both = AbortSignal.any([signal, over.signal])
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = clock.sleep(ms, done.signal).then(() => {
    if (done.signal.aborted) return
    const error = new AssayError('ASSAY_RUNTIME_TIMEOUT', `${what} took longer than ${ms} ms; see what holds it up`)
    over.abort(error)
    reject(error)
  })
  const stopped = () => reject(signal.reason)
  signal.addEventListener('abort', stopped, { once: true })
  try {
    signal.throwIfAborted()
    return await Promise.race([work(both), promise])
  } finally {
    done.abort()
    signal.removeEventListener('abort', stopped)
    await timer
  }
}

/** Makes the call. Rejects only when `signal` aborts: then nothing is known, and the next start finds out. */
export async function perform(
  action: ActionRecord,
  runtime: Runtime,
  clock: Clock,
  limits: Limits,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    await withDeadline(clock, limits.actionTimeoutMs, signal, `${action.kind} of ${action.workload}`, (deadline) =>
      action.kind === 'restart'
        ? runtime.restart(action.workload, deadline)
        : runtime.scale(action.workload, action.to, deadline),
    )
    return { outcome: 'done' }
  } catch (error) {
    signal.throwIfAborted()
    const status = await ask(action, runtime, clock, limits, signal)
    if (status !== undefined && compare(action, status) === 'done') return { outcome: 'done' }
    return { outcome: 'failed', error: messageOf(error) }
  }
}

/** What became of an intent without an outcome. Rejects only when `signal` aborts. */
export async function reconcile(
  action: ActionRecord,
  runtime: Runtime,
  clock: Clock,
  limits: Limits,
  signal: AbortSignal,
): Promise<Outcome> {
  const started = clock.monotonicMs()
  for (;;) {
    const status = await ask(action, runtime, clock, limits, signal)
    const waitedMs = clock.monotonicMs() - started
    const found = status === undefined ? 'unknown' : compare(action, status)
    if (found === 'done') return { outcome: 'done' }
    if (found === 'not-begun' && waitedMs >= limits.settleMs) return { outcome: 'lost' }
    if (waitedMs >= limits.actionTimeoutMs) {
      const error =
        found === 'unknown'
          ? 'assay was stopped meanwhile and the runtime does not say whether it was done'
          : 'assay was stopped meanwhile and it was left half done'
      return { outcome: 'failed', error }
    }
    await clock.sleep(Math.min(1000, limits.settleMs), signal)
    signal.throwIfAborted()
  }
}

/** The state now against the state that the intent recorded. */
export function compare(
  action: ActionRecord,
  { desired, instances }: WorkloadStatus,
): 'done' | 'not-begun' | 'partial' | 'unknown' {
  if (action.kind !== 'restart') {
    return desired === action.to ? 'done' : desired === action.from ? 'not-begun' : 'partial'
  }
  // Without process ids there is no telling a restarted instance from one that was left alone.
  if (action.pids.length === 0) return 'unknown'
  const old = instances.filter(({ pid }) => pid !== undefined && action.pids.includes(pid)).length
  if (old === 0 && instances.length >= action.from && instances.every(({ ready }) => ready)) return 'done'
  return old === action.pids.length ? 'not-begun' : 'partial'
}

async function ask(
  action: ActionRecord,
  runtime: Runtime,
  clock: Clock,
  limits: Limits,
  signal: AbortSignal,
): Promise<WorkloadStatus | undefined> {
  try {
    return await withDeadline(clock, limits.statusTimeoutMs, signal, `the status of ${action.workload}`, (deadline) =>
      runtime.status(action.workload, deadline),
    )
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
