/**
 * PM2 as a runtime, by its command line: `jlist`, `scale` and `reload`.
 *
 * - The command never starts a daemon: an empty PM2 would say that nothing runs, which is another thing than not knowing.
 * - `restart` is PM2's rolling reload; it is done when each process that ran before is replaced and all are online.
 * - PM2 answers before its processes are up, so both calls wait for what they asked for to be there.
 */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { AssayError, type Clock, unixMs } from '#core'
import type { Runtime, WorkloadStatus } from '../types.ts'
import { run } from './exec.ts'

const listSchema = z.array(
  z.object({
    name: z.string(),
    pid: z.number().nullish(),
    pm_id: z.number(),
    pm2_env: z.object({ status: z.string(), pm_uptime: z.number().nullish() }),
  }),
)

/** Each question starts a process of PM2, so they are not asked back to back. */
const POLL_MS = 500

export type Pm2Options = {
  /** argv of the pm2 command, as in `['node_modules/.bin/pm2']`. */
  readonly command: readonly string[]
  /** `PM2_HOME`; the default is PM2's own. */
  readonly home?: string
  readonly clock: Clock
}

export function pm2Runtime({ command, home = join(homedir(), '.pm2'), clock }: Pm2Options): Runtime {
  const pm2 = async (args: readonly string[], signal: AbortSignal) => {
    await assertRunning(home)
    return run([...command, ...args], { PM2_HOME: home }, signal)
  }

  const status = async (workload: string, signal: AbortSignal): Promise<WorkloadStatus> => {
    const { stdout } = await pm2(['jlist', '--silent'], signal)
    const found = parseList(stdout)
    const own = found.filter(({ name }) => name === workload)
    if (own.length === 0) {
      const names = [...new Set(found.map(({ name }) => name))]
      throw new AssayError(
        'ASSAY_RUNTIME_WORKLOAD',
        `PM2 in ${home} runs no ${workload}; it runs ${names.length === 0 ? 'nothing' : names.join(', ')}`,
      )
    }
    return {
      desired: own.length,
      instances: own.map(({ pm_id, pid, pm2_env }) => ({
        id: String(pm_id),
        pid: pid === null || pid === 0 ? undefined : pid,
        ready: pm2_env.status === 'online' && Boolean(pid),
        startedAt: typeof pm2_env.pm_uptime === 'number' ? unixMs(pm2_env.pm_uptime) : undefined,
      })),
    }
  }

  /** Until it is as wanted; ends by the caller's deadline. */
  const settle = async (
    workload: string,
    signal: AbortSignal,
    there: (status: WorkloadStatus) => boolean,
  ): Promise<void> => {
    while (!there(await status(workload, signal))) {
      await clock.sleep(POLL_MS, signal)
      signal.throwIfAborted()
    }
  }

  return {
    status,
    async scale(workload, count, signal) {
      // PM2 takes the same count for an error.
      const { desired } = await status(workload, signal)
      if (desired !== count) await pm2(['scale', workload, String(count)], signal)
      await settle(
        workload,
        signal,
        ({ desired: now, instances }) => now === count && instances.every(({ ready }) => ready),
      )
    },
    async restart(workload, signal) {
      const before = await status(workload, signal)
      const old = new Set(before.instances.map(({ pid }) => pid))
      await pm2(['reload', workload], signal)
      await settle(
        workload,
        signal,
        ({ instances }) =>
          instances.length >= before.desired && instances.every(({ ready, pid }) => ready && !old.has(pid)),
      )
    },
  }
}

/** PM2 may print what it does before the list: the list is the line that is one. */
export function parseList(stdout: string): z.output<typeof listSchema> {
  const line = stdout
    .split('\n')
    .map((one) => one.trim())
    .findLast((one) => one.startsWith('[') && one.endsWith(']') && !one.startsWith('[PM2]'))
  try {
    return listSchema.parse(JSON.parse(line ?? ''))
  } catch (cause) {
    throw new AssayError(
      'ASSAY_RUNTIME_ANSWER',
      `pm2 jlist answers what is no list of processes: ${JSON.stringify(stdout.slice(0, 120))}; see that the command is PM2`,
      { cause },
    )
  }
}

async function assertRunning(home: string): Promise<void> {
  const pid = await readFile(join(home, 'pm2.pid'), 'utf8').then(Number, () => Number.NaN)
  if (Number.isInteger(pid) && pid > 0 && isAlive(pid)) return
  throw new AssayError('ASSAY_RUNTIME_DOWN', `PM2 does not run in ${home}; start its processes, or correct home`)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
