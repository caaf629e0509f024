/**
 * What the environment says, parsed once.
 *
 * - Nothing here throws: a setting that cannot be read is named on stderr, and its default holds. The application must start.
 * - `ASSAY_AGENT=off` leaves everything untouched.
 * - What says how requests are told apart (channels, users, clients) is parsed by a file that is loaded only where any of it is set.
 */
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import type { Say } from './guard.ts'
import type { RequestConfig } from './request-config.ts'
import { DEFAULT_MAX_SERIES } from './store/limits.ts'
import { loadedCluster } from './surroundings.ts'

const load = createRequire(import.meta.url)

/** When a thread of its own serves the pages: from the first scrape on, from the start on, or never. */
export const THREAD_MODES = ['first-scrape', 'start', 'off'] as const
export type ThreadMode = (typeof THREAD_MODES)[number]

export type Listen = { readonly host: string; readonly port: number }

export type Config = {
  readonly enabled: boolean
  readonly listen: Listen
  /** Asked of scrapers as `Authorization: Bearer ...` when set. */
  readonly token: string | undefined
  readonly thread: ThreadMode
  readonly maxSeries: number
  /** Undefined where nothing of it is set. */
  readonly requests: RequestConfig | undefined
  /** What the service is called, for people and for whoever counts its users. */
  readonly service: string
  /** Workers with the same group share one metrics address. */
  readonly group: string
  /** The value of the label `worker`, or undefined outside of cluster mode. */
  readonly worker: string | undefined
}

export const DEFAULT_LISTEN: Listen = { host: '127.0.0.1', port: 9464 }

/** Any of these, or what begins so, is read by request-config.ts. */
const OF_REQUESTS = /^ASSAY_(?:CHANNELS|TRUSTED_PROXIES|USERS|CLIENTS|LOGIN_ROUTES|BODY_SAMPLE)/

export type Env = Readonly<Record<string, string | undefined>>
/** Reads one variable; without one, or with one that cannot be read, `otherwise` holds. */
export type Read = <T>(name: string, parse: (text: string) => T, otherwise: T) => T

export function readConfig(env: Env, say: Say): Config {
  const read: Read = (name, parse, otherwise) => {
    const text = env[name]
    if (text === undefined || text === '') return otherwise
    try {
      return parse(text)
    } catch (cause) {
      say('ASSAY_AGENT_CONFIG', `${name}: ${cause instanceof Error ? cause.message : String(cause)}; it is ignored`)
      return otherwise
    }
  }
  const token = env['ASSAY_AGENT_TOKEN'] || undefined
  const listen = read('ASSAY_AGENT_LISTEN', parseListen, DEFAULT_LISTEN)
  const open = token === undefined && !isLoopback(listen.host) && env['ASSAY_AGENT_ALLOW_ANYONE'] !== '1'
  if (open) {
    say(
      'ASSAY_AGENT_OPEN',
      `ASSAY_AGENT_LISTEN=${listen.host}:${listen.port} can be read by anyone; set ASSAY_AGENT_TOKEN, or ASSAY_AGENT_ALLOW_ANYONE=1 if that is meant. Listening on 127.0.0.1:${listen.port} instead`,
    )
  }
  return {
    enabled: !isOff(env),
    listen: open ? { host: '127.0.0.1', port: listen.port } : listen,
    token,
    thread: read('ASSAY_AGENT_THREAD', parseThreadMode, 'first-scrape'),
    requests: Object.keys(env).some((name) => OF_REQUESTS.test(name))
      ? (load('./request-config.ts') as typeof import('./request-config.ts')).readRequestConfig(read)
      : undefined,
    maxSeries: read('ASSAY_AGENT_MAX_SERIES', parseCount, DEFAULT_MAX_SERIES),
    service: serviceOf(env),
    group: groupOf(env, listen),
    worker: workerOf(env),
  }
}

/** Whether this process is to be left alone. */
export function isOff(env: Env): boolean {
  return /^(off|0|false|no)$/i.test(env['ASSAY_AGENT'] ?? '')
}

export function parseListen(text: string): Listen {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text)
  const port = Number(parts?.[3])
  if (parts === null || port > 65_535) throw new Error(`"${text}" is not an address; write 127.0.0.1:9464`)
  return { host: parts[1] ?? (parts[2] || '0.0.0.0'), port }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host) || /^::ffff:127\./.test(host)
}

function parseThreadMode(text: string): ThreadMode {
  const mode = THREAD_MODES.find((one) => one === text)
  if (mode === undefined) throw new Error(`"${text}" is none of ${THREAD_MODES.join(', ')}`)
  return mode
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`"${text}" is not a number of series; write 2000`)
  return Number(text)
}

/** PM2 numbers the instances of an app, and keeps the number over a reload; node:cluster numbers its workers. */
function workerOf(env: Env): string | undefined {
  const instance = env['NODE_APP_INSTANCE']
  if (instance !== undefined && instance !== '') return instance
  const cluster = loadedCluster()
  return cluster?.isWorker === true ? String(cluster.worker?.id ?? process.pid) : undefined
}

/** The same after a restart, and in every process of the service. */
function serviceOf(env: Env): string {
  const byPm2 = env['pm_id'] === undefined ? undefined : env['name']
  const name = env['ASSAY_SERVICE'] || byPm2 || env['npm_package_name'] || basename(process.cwd()) || 'node'
  return name.slice(0, 200)
}

/**
 * Two applications of one user may share a default port by mistake: they must not share a page. PM2's name of an app outlives a
 * release, which often has another folder; elsewhere the folder and the script are what instances have in common.
 */
function groupOf(env: Env, { host, port }: Listen): string {
  const byPm2 = env['pm_id'] === undefined ? undefined : env['name']
  const app = env['ASSAY_SERVICE'] || byPm2 || [process.cwd(), process.argv[1] ?? ''].join('\n')
  return `${app}\n${host}:${port}`
}
