/**
 * The services' runtime: a PM2 daemon of our own (own PM2_HOME) with the three services in cluster mode.
 *
 * - What scales and restarts them is PM2's command line, called by assay; here they are only started and stopped.
 * - PM2's own instrumentation is off: the services are watched by assay's agent alone.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DemoError } from '../demo-error.ts'
import { startChild, tail, type Workplace } from '../processes/child.ts'
import { startOf } from '../processes/identity.ts'
import { endTree, removeRecord, writeRecord } from '../processes/records.ts'

export type Service = {
  readonly name: string
  readonly instances: number
  /** Below `company/`. */
  readonly script: string
  readonly env: Readonly<Record<string, string>>
}

export interface Pm2 extends AsyncDisposable {
  /** PM2_HOME, for whoever calls its command line. */
  readonly home: string
  readonly daemonPid: number
  /** The processes of one service, by PM2's own pid files. */
  pids(service: string): readonly number[]
}

/** PM2's command line, to be run with PM2_HOME in the environment. */
export const PM2_COMMAND: readonly [string, ...string[]] = [
  process.execPath,
  createRequire(import.meta.url).resolve('pm2/bin/pm2'),
]

const COMPANY = fileURLToPath(new URL('../company/', import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../', import.meta.url))
const NODE_ARGS = ['--conditions=assay-src', '--disable-warning=ExperimentalWarning', '--import', '@assay/agent']

/** Resolves when PM2 says that all are ready. Rejects with `ASSAY_DEMO_PART` when it cannot start them. */
export async function startPm2({
  place,
  home,
  services,
  signal,
}: {
  readonly place: Workplace
  readonly home: string
  readonly services: readonly Service[]
  readonly signal: AbortSignal
}): Promise<Pm2> {
  mkdirSync(home, { recursive: true })
  // Of a daemon that is gone: it would be taken for a running one.
  for (const stale of ['pm2.pid', 'rpc.sock', 'pub.sock', 'pids'])
    rmSync(join(home, stale), { recursive: true, force: true })
  const ecosystem = join(home, 'services.json')
  const apps = services.map(({ name, instances, script, env }) => ({
    name,
    script: join(COMPANY, script),
    cwd: EXAMPLE,
    exec_mode: 'cluster',
    instances,
    node_args: NODE_ARGS,
    wait_ready: true,
    listen_timeout: 20_000,
    kill_timeout: 8000,
    exp_backoff_restart_delay: 200,
    pmx: false,
    vizion: false,
    merge_logs: true,
    out_file: join(place.logDir, `${name}.log`),
    error_file: join(place.logDir, `${name}.log`),
    env,
  }))
  // It holds the databases' passwords.
  writeFileSync(ecosystem, JSON.stringify({ apps }, null, 2), { mode: 0o600 })
  const command = await startChild(place, {
    name: 'pm2-start',
    argv: [...PM2_COMMAND, 'start', ecosystem],
    cwd: EXAMPLE,
    env: { PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: '1', PM2_CONCURRENT_ACTIONS: '8', PM2_DISCRETE_MODE: 'true' },
  })
  const abort = () => void command[Symbol.asyncDispose]()
  signal.addEventListener('abort', abort, { once: true })
  // The daemon is recorded as soon as it is there: a supervisor killed during the start leaves it behind too.
  const recorder = setInterval(() => {
    const pid = daemonOf(home)
    if (pid === undefined) return
    clearInterval(recorder)
    writeRecord(place.runDir, 'pm2', pid, 'SIGTERM')
  }, 50)
  const how = await command.ended
  clearInterval(recorder)
  signal.removeEventListener('abort', abort)
  const daemonPid = daemonOf(home)
  const stop = async () => {
    if (daemonPid === undefined) return
    await endTree(daemonPid, 'SIGTERM', 8000)
    removeRecord(place.runDir, 'pm2')
  }
  if (daemonPid === undefined || how !== 'it ended with code 0') {
    await stop()
    signal.throwIfAborted()
    throw new DemoError(
      'ASSAY_DEMO_PART',
      `pm2 could not start the services: ${how}; its last words:\n${tail(command.logFile)}`,
    )
  }
  writeRecord(place.runDir, 'pm2', daemonPid, 'SIGTERM')
  return { home, daemonPid, pids: (service) => pidsOf(home, service), [Symbol.asyncDispose]: stop }
}

function daemonOf(home: string): number | undefined {
  return readPid(join(home, 'pm2.pid'))
}

/** PM2 names the files `mes-3.pid`, and takes them away when a process ends. */
function pidsOf(home: string, service: string): readonly number[] {
  try {
    return readdirSync(join(home, 'pids'))
      .filter((file) => new RegExp(`^${service}-\\d+\\.pid$`).test(file))
      .flatMap((file) => readPid(join(home, 'pids', file)) ?? [])
      .sort((a, b) => a - b)
  } catch {
    return []
  }
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    return Number.isInteger(pid) && pid > 1 && startOf(pid) !== undefined ? pid : undefined
  } catch {
    return undefined
  }
}
