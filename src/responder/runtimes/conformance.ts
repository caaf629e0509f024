/**
 * What every runtime has to do, as tests. Deviations are named by the caller: `pids: false` for those that know none.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Runtime, WorkloadStatus } from '../types.ts'

export type RuntimeCase = {
  readonly name: string
  /** One workload with two instances, and nothing else of that name. */
  readonly open: () => Promise<{ readonly runtime: Runtime; readonly workload: string } & AsyncDisposable>
  /** Whether it tells process ids. */
  readonly pids: boolean
}

const pidsOf = ({ instances }: WorkloadStatus) => instances.map(({ pid }) => pid).sort()

export function runtimeConformance({ name, open, pids }: RuntimeCase): void {
  const signal = new AbortController().signal

  test(`${name}: tells how many instances run, each ready and under an id of its own`, async () => {
    await using at = await open()
    const status = await at.runtime.status(at.workload, signal)
    assert.equal(status.desired, 2)
    assert.equal(new Set(status.instances.map(({ id }) => id)).size, 2)
    assert.ok(status.instances.every(({ ready }) => ready))
    if (pids) assert.equal(new Set(pidsOf(status)).size, 2)
  })

  test(`${name}: scales to a count, and the same count again changes nothing`, async () => {
    await using at = await open()
    await at.runtime.scale(at.workload, 3, signal)
    const once = await at.runtime.status(at.workload, signal)
    await at.runtime.scale(at.workload, 3, signal)
    const twice = await at.runtime.status(at.workload, signal)
    assert.deepEqual([once.desired, twice.desired], [3, 3])
    assert.deepEqual(pidsOf(twice), pidsOf(once))
    await at.runtime.scale(at.workload, 1, signal)
    assert.equal((await at.runtime.status(at.workload, signal)).desired, 1)
  })

  test(`${name}: restarts every instance and keeps their number`, async () => {
    await using at = await open()
    const before = await at.runtime.status(at.workload, signal)
    await at.runtime.restart(at.workload, signal)
    const after = await at.runtime.status(at.workload, signal)
    assert.equal(after.desired, 2)
    assert.ok(after.instances.every(({ ready }) => ready))
    if (pids) for (const pid of pidsOf(before)) assert.ok(!pidsOf(after).includes(pid), `${pid} still runs`)
  })

  test(`${name}: refuses a workload that is not there`, async () => {
    await using at = await open()
    await assert.rejects(at.runtime.status('nosuch', signal))
    await assert.rejects(at.runtime.scale('nosuch', 2, signal))
    await assert.rejects(at.runtime.restart('nosuch', signal))
  })

  test(`${name}: rejects with the reason of a signal that is aborted`, async () => {
    await using at = await open()
    const stopped = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(at.runtime.status(at.workload, stopped), /stopped/)
    await assert.rejects(at.runtime.scale(at.workload, 3, stopped), /stopped/)
    await assert.rejects(at.runtime.restart(at.workload, stopped), /stopped/)
    assert.equal((await at.runtime.status(at.workload, signal)).desired, 2)
  })
}
