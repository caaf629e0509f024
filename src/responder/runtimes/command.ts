/**
 * Any command line as a runtime: one command counts, one scales, one restarts.
 *
 * - `{workload}` and `{count}` in an argument are replaced; no shell reads the result.
 * - Such a runtime has no process ids, so a restart that a crash cut off can't be told apart from one that was done:
 *   it then counts as failed and goes to a person.
 */
import { AssayError } from '#core'
import type { Runtime } from '../types.ts'
import { run } from './exec.ts'

export type CommandOptions = {
  /** Prints the number of instances, and nothing else. */
  readonly count: readonly string[]
  readonly scale: readonly string[]
  /** Replaces one instance after the other, each ready before the next; ends when all are. */
  readonly restart: readonly string[]
}

export function commandRuntime(options: CommandOptions): Runtime {
  const filled = (argv: readonly string[], workload: string, count = '') =>
    argv.map((part) => part.replaceAll('{workload}', workload).replaceAll('{count}', count))
  return {
    async status(workload, signal) {
      const argv = filled(options.count, workload)
      const { stdout } = await run(argv, {}, signal)
      const text = stdout.trim()
      if (!/^\d{1,5}$/.test(text)) {
        throw new AssayError(
          'ASSAY_RUNTIME_ANSWER',
          `${argv.join(' ')} prints ${JSON.stringify(text.slice(0, 80))}; it has to print the number of instances alone`,
        )
      }
      const desired = Number(text)
      const instances = Array.from({ length: desired }, (_, i) => ({
        id: `${workload}-${i}`,
        pid: undefined,
        ready: true,
        startedAt: undefined,
      }))
      return { desired, instances }
    },
    async scale(workload, count, signal) {
      await run(filled(options.scale, workload, String(count)), {}, signal)
    },
    async restart(workload, signal) {
      await run(filled(options.restart, workload), {}, signal)
    },
  }
}
