/** What the environment says of requests: by which channel they come, whose they are, and whether their clients are watched. */
import { parseLoginRoutes, parseSamplesPerMinute } from './clients/settings.ts'
import type { Read } from './config.ts'
import { type ChannelRules, parseChannels } from './http/channels.ts'
import { DEFAULT_TIME_ZONE, parseTimeZone } from './users/day.ts'
import { parseUserSource, type UserSource } from './users/source.ts'

export type RequestConfig = {
  readonly channels: ChannelRules
  readonly users: UserSource | undefined
  readonly usersKey: string | undefined
  /** Whose midnight ends the day of active users. */
  readonly usersTimeZone: string
  /** Undefined: clients are not watched. */
  readonly clients: ClientsConfig | undefined
}

export type ClientsConfig = {
  /** The header that carries an API key, in lower case. */
  readonly keyHeader: string
  /** Templates of the routes where accounts are tried; undefined: what looks like it. */
  readonly loginRoutes: readonly string[] | undefined
  /** 0: none. */
  readonly bodiesPerMinute: number
}

export function readRequestConfig(read: Read): RequestConfig {
  const proxies = read('ASSAY_TRUSTED_PROXIES', (text) => text.split(',').map((cidr) => cidr.trim()), [])
  return {
    channels: read('ASSAY_CHANNELS', (text) => parseChannels(JSON.parse(text), proxies), parseChannels({}, [])),
    users: read<UserSource | undefined>('ASSAY_USERS', parseUserSource, undefined),
    usersKey: read<string | undefined>('ASSAY_USERS_KEY', parseUsersKey, undefined),
    usersTimeZone: read('ASSAY_USERS_TIMEZONE', parseTimeZone, DEFAULT_TIME_ZONE),
    clients: read('ASSAY_CLIENTS', parseSwitch, false)
      ? {
          keyHeader: read('ASSAY_CLIENTS_KEY_HEADER', parseHeaderName, 'x-api-key'),
          loginRoutes: read<readonly string[] | undefined>('ASSAY_LOGIN_ROUTES', parseLoginRoutes, undefined),
          bodiesPerMinute: read('ASSAY_BODY_SAMPLE', parseSamplesPerMinute, 0),
        }
      : undefined,
  }
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

/** Shorter ones can be guessed, and with them whose hash is in a sketch. */
const MIN_USERS_KEY_LENGTH = 16

function parseUsersKey(text: string): string {
  if (text.length >= MIN_USERS_KEY_LENGTH) return text
  throw new Error(
    `a key of ${text.length} characters can be guessed; write at least ${MIN_USERS_KEY_LENGTH} random ones`,
  )
}
