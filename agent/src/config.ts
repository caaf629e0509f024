/**
 * What the environment says, parsed once.
 *
 * - Nothing here throws: a setting that cannot be read is named on stderr, and its default holds. The application must start.
 * - `ASSAY_AGENT=off` leaves everything untouched.
 */
import { basename } from 'node:path'
import { parseLoginRoutes, parseSamplesPerMinute } from './clients/settings.ts'
import type { Say } from './guard.ts'
import { type ChannelRules, parseChannels } from './http/channels.ts'
import { DEFAULT_MAX_SERIES } from './store/index.ts'
import { loadedCluster } from './surroundings.ts'
import { DEFAULT_TIME_ZONE, parseTimeZone } from './users/day.ts'
import { parseUserSource, type UserSource } from './users/source.ts'

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
  readonly channels: ChannelRules
  readonly users: UserSource | undefined
  readonly usersKey: string | undefined
  /** Whose midnight ends the day of active users. */
  readonly usersTimeZone: string
  readonly maxSeries: number
  /** Undefined: clients are not watched. */
  readonly clients: ClientsConfig | undefined
  /** What the service is called, for people and for whoever counts its users. */
  readonly service: string
  /** Workers with the same group share one metrics address. */
  readonly group: string
  /** The value of the label `worker`, or undefined outside of cluster mode. */
  readonly worker: string | undefined
}

export type ClientsConfig = {
  /** The header that carries an API key, in lower case. */
  readonly keyHeader: string
  /** Templates of the routes where accounts are tried; undefined: what looks like it. */
  readonly loginRoutes: readonly string[] | undefined
  /** 0: none. */
  readonly bodiesPerMinute: number
}

export const DEFAULT_LISTEN: Listen = { host: '127.0.0.1', port: 9464 }

type Env = Readonly<Record<string, string | undefined>>

export function readConfig(env: Env, say: Say): Config {
  const read = <T>(name: string, parse: (text: string) => T, otherwise: T): T => {
    const text = env[name]
    if (text === undefined || text === '') return otherwise
    try {
      return parse(text)
    } catch (cause) {
      say('ASSAY_AGENT_CONFIG', `${name}: ${cause instanceof Error ? cause.message : String(cause)}; it is ignored`)
      return otherwise
    }
  }
  const proxies = read('ASSAY_TRUSTED_PROXIES', (text) => text.split(',').map((cidr) => cidr.trim()), [])
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
    channels: read('ASSAY_CHANNELS', (text) => parseChannels(JSON.parse(text), proxies), parseChannels({}, [])),
    users: read('ASSAY_USERS', parseUserSource, undefined),
    usersKey: read('ASSAY_USERS_KEY', parseUsersKey, undefined),
    usersTimeZone: read('ASSAY_USERS_TIMEZONE', parseTimeZone, DEFAULT_TIME_ZONE),
    maxSeries: read('ASSAY_AGENT_MAX_SERIES', parseCount, DEFAULT_MAX_SERIES),
    clients: read('ASSAY_CLIENTS', parseSwitch, false)
      ? {
          keyHeader: read('ASSAY_CLIENTS_KEY_HEADER', parseHeaderName, 'x-api-key'),
          loginRoutes: read('ASSAY_LOGIN_ROUTES', parseLoginRoutes, undefined),
          bodiesPerMinute: read('ASSAY_BODY_SAMPLE', parseSamplesPerMinute, 0),
        }
      : undefined,
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

function parseSwitch(text: string): boolean {
  if (/^(?:on|1|true|yes)$/i.test(text)) return true
  if (/^(?:off|0|false|no)$/i.test(text)) return false
  throw new Error(`"${text}" is neither on nor off`)
}

function parseHeaderName(text: string): string {
  if (!/^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(text))
    throw new Error(`"${text}" is not the name of a header; write x-api-key`)
  return text.toLowerCase()
}

/** The same after a restart, and in every process of the service. */
function serviceOf(env: Env): string {
  const byPm2 = env['pm_id'] === undefined ? undefined : env['name']
  const name = env['ASSAY_SERVICE'] || byPm2 || env['npm_package_name'] || basename(process.cwd()) || 'node'
  return name.slice(0, 200)
}

/** Shorter ones can be guessed, and with them whose hash is in a sketch. */
const MIN_USERS_KEY_LENGTH = 16

function parseUsersKey(text: string): string {
  if (text.length >= MIN_USERS_KEY_LENGTH) return text
  throw new Error(
    `a key of ${text.length} characters can be guessed; write at least ${MIN_USERS_KEY_LENGTH} random ones`,
  )
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
