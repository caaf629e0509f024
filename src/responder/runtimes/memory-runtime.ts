/**
 * The simplest runtime: workloads in memory. The model of the conformance suite, and the target of the loop's tests.
 *
 * - `effects` lists what really changed: setting the count that is there is no effect.
 * - `behave` lets a test fail, hang or lose the answer of a call.
 */
import { AssayError, type Clock } from '#core'
import type { Runtime, WorkloadStatus } from '../types.ts'

export type MemoryRuntime = Runtime & {
  readonly effects: readonly string[]
  /** Called with `scale mes 2` or `restart crm` before and after the call takes effect. May throw or wait. */
  behave: (call: string, when: 'before' | 'after', signal: AbortSignal) => Promise<void> | void
  /** Instances that do not answer. */
  readonly unready: Set<string>
}

export function memoryRuntime(workloads: Readonly<Record<string, number>>, clock: Clock): MemoryRuntime {
  let nextPid = 1000
  const start = () => ({ pid: nextPid++, startedAt: clock.now() })
  const running = new Map(
    Object.entries(workloads).map(([name, count]) => [name, Array.from({ length: count }, start)]),
  )
  const effects: string[] = []
  const of = (workload: string) => {
    const instances = running.get(workload)
    if (instances === undefined) {
      throw new AssayError(
        'ASSAY_RUNTIME_WORKLOAD',
        `there is no workload ${workload}; there are ${[...running.keys()].join(', ')}`,
      )
    }
    return instances
  }
  const runtime: MemoryRuntime = {
    effects,
    behave: () => {},
    unready: new Set(),
    async status(workload, signal): Promise<WorkloadStatus> {
      signal.throwIfAborted()
      const instances = of(workload).map(({ pid, startedAt }, i) => ({
        id: `${workload}-${i}`,
        pid,
        ready: !runtime.unready.has(`${workload}-${i}`),
        startedAt,
      }))
      return { desired: instances.length, instances }
    },
    async scale(workload, count, signal) {
      signal.throwIfAborted()
      const instances = of(workload)
      const call = `scale ${workload} ${count}`
      await runtime.behave(call, 'before', signal)
      if (instances.length !== count) effects.push(call)
      while (instances.length < count) instances.push(start())
      instances.length = count
      await runtime.behave(call, 'after', signal)
    },
    async restart(workload, signal) {
      signal.throwIfAborted()
      const instances = of(workload)
      const call = `restart ${workload}`
      await runtime.behave(call, 'before', signal)
      effects.push(call)
      for (let i = 0; i < instances.length; i++) instances[i] = start()
      await runtime.behave(call, 'after', signal)
    },
  }
  return runtime
}
