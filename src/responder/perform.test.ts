import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, unixMs } from '#core'
import { compare, type Limits, perform, reconcile, withDeadline } from './perform.ts'
import type { ActionRecord } from './records.ts'
import { memoryRuntime } from './runtimes/memory-runtime.ts'
import type { WorkloadStatus } from './types.ts'

const action: ActionRecord = {
  id: 'a',
  incident: 'i',
  policy: 'p',
  kind: 'scaleOut',
  part: 'mes',
  runtime: 'pm2',
  workload: 'mes',
  target: 'pm2/mes',
  from: 2,
  to: 3,
  pids: [1, 2],
  at: unixMs(0),
}
const restart: ActionRecord = { ...action, kind: 'restart', to: 2 }
const limits: Limits = { actionTimeoutMs: 20_000, statusTimeoutMs: 1000, settleMs: 5000 }
const signal = new AbortController().signal
const running = (...pids: readonly number[]): WorkloadStatus => ({
  desired: pids.length,
  instances: pids.map((pid) => ({ id: String(pid), pid: Math.abs(pid), ready: pid > 0, startedAt: undefined })),
})

for (const { why, what, status, want } of [
  { why: 'the count is there', what: action, status: running(1, 2, 3), want: 'done' },
  { why: 'the count is as before', what: action, status: running(1, 2), want: 'not-begun' },
  { why: 'the count is another', what: action, status: running(1), want: 'partial' },
  { why: 'all processes are new and ready', what: restart, status: running(3, 4), want: 'done' },
  { why: 'one is not ready yet', what: restart, status: running(3, -4), want: 'partial' },
  { why: 'one is the old one', what: restart, status: running(2, 3), want: 'partial' },
  { why: 'one is missing', what: restart, status: running(3), want: 'partial' },
  { why: 'all are the old ones', what: restart, status: running(1, 2), want: 'not-begun' },
  { why: 'no process ids were known', what: { ...restart, pids: [] }, status: running(1, 2), want: 'unknown' },
] satisfies readonly { why: string; what: ActionRecord; status: WorkloadStatus; want: string }[]) {
  test(`what became of a ${what.kind}: ${want} when ${why}`, () => assert.equal(compare(what, status), want))
}

/** Lets a promise run while time passes. */
async function during<T>(clock: ManualClock, ms: number, work: Promise<T>): Promise<T> {
  const settled = work.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error
    },
  )
  await clock.advance(ms)
  return (await settled)()
}

test('a call cut off before the runtime heard of it is lost, after it had time to settle', async () => {
  const clock = new ManualClock()
  const runtime = memoryRuntime({ mes: 2 }, clock)
  const { outcome } = await during(clock, 10_000, reconcile(action, runtime, clock, limits, signal))
  assert.equal(outcome, 'lost')
})

test('a call that goes on after the crash is seen to be done', async () => {
  const clock = new ManualClock()
  const runtime = memoryRuntime({ mes: 2 }, clock)
  void clock.sleep(3000).then(() => runtime.scale('mes', 3, signal))
  const { outcome } = await during(clock, 10_000, reconcile(action, runtime, clock, limits, signal))
  assert.equal(outcome, 'done')
})

test('what can’t be told is a failure, never a reason to do it again', async () => {
  const clock = new ManualClock()
  const runtime = memoryRuntime({ mes: 2 }, clock)
  const untold = { ...restart, pids: [] }
  const { outcome, error } = await during(clock, 30_000, reconcile(untold, runtime, clock, limits, signal))
  assert.equal(outcome, 'failed')
  assert.match(error ?? '', /does not say whether it was done/)
  assert.deepEqual(runtime.effects, [])
})

test('a failure that took effect all the same is done', async () => {
  const clock = new ManualClock()
  const runtime = memoryRuntime({ mes: 2 }, clock)
  runtime.behave = (_, when) => {
    if (when === 'after') throw new Error('reset')
  }
  assert.deepEqual(await perform(action, runtime, clock, limits, signal), { outcome: 'done' })
})

test('a deadline ends work that ignores its signal, and names itself', async () => {
  const clock = new ManualClock()
  const work = withDeadline(clock, 50, signal, 'the call', () => new Promise<void>(() => {}))
  await assert.rejects(during(clock, 100, work), {
    code: 'ASSAY_RUNTIME_TIMEOUT',
    message: /the call took longer than 50 ms/,
  })
})

test('an abort from outside ends it with that reason', async () => {
  const stop = new AbortController()
  const clock = new ManualClock()
  const work = withDeadline(clock, 50, stop.signal, 'the call', () => new Promise<void>(() => {}))
  stop.abort(new Error('stopped'))
  await assert.rejects(work, /stopped/)
})
