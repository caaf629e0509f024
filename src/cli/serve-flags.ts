/**
 * The flags of `assay serve`, Prometheus' spellings included, and what they mean.
 */
import { AssayError, compileRegex, type Feature, parseDuration, parseFeatures, parseSize } from '#core'
import type { WriteLimits } from '#remote'
import { type Listen, parseListen } from './listen.ts'
import type { Flag } from './options.ts'
import { FOREIGN_FLAGS } from './prometheus-flags.ts'
import { parseShard, type Shard } from './scrape-shard.ts'
import { WRITE_LIMIT_FLAGS, writeLimitsOf } from './write-limit-flags.ts'

export const SERVE_FLAGS: readonly Flag[] = [
  {
    name: 'config',
    value: 'FILE',
    default: 'assay.config.ts',
    aliases: ['config.file'],
    help: 'a definition, or a prometheus.yml',
  },
  {
    name: 'listen',
    value: 'HOST:PORT',
    default: '127.0.0.1:2424',
    aliases: ['web.listen-address'],
    repeats: true,
    help: 'where the API and the UI answer',
  },
  { name: 'data', value: 'DIR', default: '.assay', aliases: ['storage.tsdb.path'], help: 'where everything is kept' },
  {
    name: 'retention',
    value: 'TIME',
    default: '15d',
    aliases: ['storage.tsdb.retention.time'],
    help: 'how long samples are kept',
  },
  {
    name: 'retention-size',
    value: 'SIZE',
    aliases: ['storage.tsdb.retention.size'],
    help: 'how much disk samples may take',
  },
  { name: 'query-timeout', value: 'TIME', default: '2m', aliases: ['query.timeout'], help: 'longest time for a query' },
  {
    name: 'query-max-samples',
    value: 'N',
    default: '50000000',
    aliases: ['query.max-samples'],
    help: 'most samples a query may hold',
  },
  {
    name: 'lookback',
    value: 'TIME',
    default: '5m',
    aliases: ['query.lookback-delta'],
    help: 'how far back an instant looks for a sample',
  },
  {
    name: 'outage-tolerance',
    value: 'TIME',
    default: '1h',
    aliases: ['rules.alert.for-outage-tolerance'],
    help: 'longest outage after which the state of alerts is restored',
  },
  {
    name: 'for-grace',
    value: 'TIME',
    default: '10m',
    aliases: ['rules.alert.for-grace-period'],
    help: 'least time a restored pending alert still waits',
  },
  { name: 'external-url', value: 'URL', aliases: ['web.external-url'], help: 'how others reach us: for links' },
  { name: 'route-prefix', value: 'PATH', aliases: ['web.route-prefix'], help: 'all paths begin with this' },
  { name: 'lifecycle', aliases: ['web.enable-lifecycle'], help: 'allow POST /-/reload and /-/quit' },
  {
    name: 'admin-api',
    aliases: ['web.enable-admin-api'],
    help: 'allow deleting series, snapshots and "assay backup" over HTTP',
  },
  { name: 'log-level', value: 'LEVEL', default: 'info', aliases: ['log.level'], help: 'debug, info, warn or error' },
  {
    name: 'enable-feature',
    value: 'NAMES',
    repeats: true,
    help: "Prometheus' feature flags, by its names; all are off by default",
  },
  {
    name: 'auto-reload-interval',
    value: 'TIME',
    default: '30s',
    aliases: ['config.auto-reload-interval'],
    help: 'with the feature auto-reload-config: how often files are looked at',
  },
  {
    name: 'query-concurrency',
    value: 'N',
    default: '20',
    aliases: ['query.max-concurrency'],
    help: 'queries that run at once',
  },
  {
    name: 'query-threads',
    value: 'N',
    help: 'threads for queries that are more than a glance; one for each processor without it, 0: none',
  },
  {
    name: 'cors-origin',
    value: 'REGEX',
    aliases: ['web.cors.origin'],
    help: "pages of these origins may read Prometheus' API; none without it",
  },
  {
    name: 'web-config',
    value: 'FILE',
    aliases: ['web.config.file'],
    help: 'TLS, passwords and headers of the listener, in the format of Prometheus and its exporters',
  },
  {
    name: 'max-connections',
    value: 'N',
    default: '512',
    aliases: ['web.max-connections'],
    help: 'connections kept at once',
  },
  {
    name: 'read-timeout',
    value: 'TIME',
    default: '5m',
    aliases: ['web.read-timeout'],
    help: 'how long a request may take to arrive, and an idle connection is kept',
  },
  {
    name: 'max-notification-followers',
    value: 'N',
    default: '16',
    aliases: ['web.max-notifications-subscribers'],
    help: 'pages that follow notifications/live',
  },
  {
    name: 'remote-read-samples',
    value: 'N',
    default: '50000000',
    aliases: ['storage.remote.read-sample-limit'],
    help: 'most samples of one remote read that is not streamed; 0 for no limit',
  },
  {
    name: 'remote-read-concurrency',
    value: 'N',
    default: '10',
    aliases: ['storage.remote.read-concurrent-limit'],
    help: 'remote reads answered at once',
  },
  {
    name: 'remote-read-frame',
    value: 'BYTES',
    default: '1048576',
    aliases: ['storage.remote.read-max-bytes-in-frame'],
    help: 'most bytes of a frame of a streamed remote read',
  },
  ...WRITE_LIMIT_FLAGS,
  {
    name: 'remote-flush-deadline',
    value: 'TIME',
    default: '1m',
    aliases: ['storage.remote.flush-deadline'],
    help: 'how long remote write may go on when assay ends',
  },
  {
    name: 'remote-engine',
    value: 'URL|FILE',
    aliases: ['storage.remote-engine'],
    help: 'keep samples in a store that speaks Prometheus, and ask it, instead of in this process',
  },
  {
    name: 'scrape-shard',
    value: 'I/N',
    aliases: ['scrape.shard'],
    help: 'scrape this share of the targets alone; the first of three processes is 0/3',
  },
  {
    name: 'merge-users',
    value: 'JOBS',
    repeats: true,
    help: 'count the users of these scrape jobs over all their instances, by their agents (@assay/agent)',
  },
  {
    name: 'remote-write-spool-size',
    value: 'SIZE',
    default: '2GiB',
    help: 'how much disk what waits may take, for each receiver of remote write; 0 keeps it in memory alone',
  },
  {
    name: 'remote-write-spool-age',
    value: 'TIME',
    default: '1d',
    help: 'how long samples wait for a receiver of remote write; 0s for any time',
  },
  ...FOREIGN_FLAGS,
]

export type ServeOptions = {
  readonly config: string
  readonly listen: Listen
  readonly data: string
  readonly retentionMs: number
  readonly retentionBytes: number | undefined
  readonly queryTimeoutMs: number
  readonly maxSamples: number
  readonly lookbackMs: number
  readonly outageToleranceMs: number
  readonly forGraceMs: number
  readonly externalUrl: string | undefined
  readonly routePrefix: string | undefined
  readonly lifecycle: boolean
  readonly adminApi: boolean
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly features: ReadonlySet<Feature>
  readonly autoReloadMs: number
  readonly queryConcurrency: number
  /** Absent: one for each processor. */
  readonly queryThreads: number | undefined
  /** RE2 that matches the whole origin. */
  readonly corsOrigin: string | undefined
  readonly webConfig: string | undefined
  readonly maxConnections: number
  readonly readTimeoutMs: number
  readonly maxNotificationFollowers: number
  /** `samples` 0: no limit. */
  readonly remoteRead: { readonly samples: number; readonly concurrent: number; readonly frameBytes: number }
  /** Of one request of remote write. */
  readonly writeLimits: WriteLimits
  readonly remoteFlushMs: number
  /** An address or a file; absent: the store of this process. */
  readonly remoteEngine: string | undefined
  readonly shard: Shard | undefined
  /** Scrape jobs. */
  readonly mergeUsers: readonly string[]
  /** `maxBytes` 0: in memory alone. `maxAgeMs` 0: whatever the age. */
  readonly remoteSpool: { readonly maxBytes: number; readonly maxAgeMs: number }
  /** What was given and has no effect, a sentence each. */
  readonly notes: readonly string[]
  /** For `status/flags`: by Prometheus' names where it has one. */
  readonly flags: Readonly<Record<string, string>>
}

/** Throws `ASSAY_USAGE`, `ASSAY_DURATION` or `ASSAY_SIZE`: which flag and what to write. */
export function serveOptions(values: ReadonlyMap<string, string>): ServeOptions {
  const text = (name: string) => values.get(name) ?? ''
  const named = <T>(name: string, parse: (text: string) => T): T => {
    try {
      return parse(text(name))
    } catch (cause) {
      if (cause instanceof AssayError && cause.code === 'ASSAY_USAGE') throw cause
      throw new AssayError('ASSAY_USAGE', `--${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      })
    }
  }
  const duration = (name: string) => named(name, parseDuration)
  const logLevel = text('log-level')
  if (!isLevel(logLevel))
    throw new AssayError('ASSAY_USAGE', `--log-level ${JSON.stringify(logLevel)}: write debug, info, warn or error`)
  const count = (name: string, least = 1) => {
    const value = Number(text(name))
    if (text(name) === '' || !Number.isSafeInteger(value) || value < least)
      throw new AssayError(
        'ASSAY_USAGE',
        `--${name} ${JSON.stringify(text(name))}: write a whole number ${least === 0 ? 'from 0 on' : 'above 0'}`,
      )
    return value
  }
  const features = parseFeatures(text('enable-feature'))
  return {
    config: text('config'),
    listen: named('listen', parseListen),
    data: text('data'),
    retentionMs: duration('retention'),
    retentionBytes: values.has('retention-size') ? named('retention-size', parseSize) : undefined,
    queryTimeoutMs: duration('query-timeout'),
    maxSamples: count('query-max-samples'),
    lookbackMs: duration('lookback'),
    outageToleranceMs: duration('outage-tolerance'),
    forGraceMs: duration('for-grace'),
    externalUrl: values.get('external-url'),
    routePrefix: values.get('route-prefix'),
    lifecycle: values.get('lifecycle') === 'true',
    adminApi: values.get('admin-api') === 'true',
    logLevel,
    features: features.features,
    autoReloadMs: duration('auto-reload-interval'),
    queryConcurrency: count('query-concurrency'),
    queryThreads: values.has('query-threads') ? count('query-threads', 0) : undefined,
    corsOrigin: values.has('cors-origin') ? named('cors-origin', (regex) => compileRegex(regex) && regex) : undefined,
    webConfig: values.get('web-config'),
    maxConnections: count('max-connections'),
    readTimeoutMs: duration('read-timeout'),
    maxNotificationFollowers: count('max-notification-followers'),
    remoteRead: {
      samples: count('remote-read-samples', 0),
      concurrent: count('remote-read-concurrency'),
      frameBytes: count('remote-read-frame'),
    },
    writeLimits: writeLimitsOf(count, (name) => named(name, parseSize)),
    remoteFlushMs: duration('remote-flush-deadline'),
    remoteEngine: values.get('remote-engine'),
    shard: values.has('scrape-shard') ? named('scrape-shard', parseShard) : undefined,
    mergeUsers: text('merge-users')
      .split(',')
      .map((job) => job.trim())
      .filter((job) => job !== ''),
    remoteSpool: {
      maxBytes: text('remote-write-spool-size') === '0' ? 0 : named('remote-write-spool-size', parseSize),
      maxAgeMs: duration('remote-write-spool-age'),
    },
    notes: [...features.warnings, ...notesOf(values)],
    flags: flagsOf(values),
  }
}

/** Throws `ASSAY_USAGE` for a flag that is refused. */
function notesOf(values: ReadonlyMap<string, string>): readonly string[] {
  return FOREIGN_FLAGS.flatMap(({ name, sentence, refused }) => {
    if (!values.has(name) || values.get(name) === 'false') return []
    if (refused) throw new AssayError('ASSAY_USAGE', `--${name}: ${sentence}`)
    return [`--${name} has no effect: ${sentence}`]
  })
}

/** Every flag, as Prometheus' clients look for them: under its names, `false` and '' where nothing is set. */
function flagsOf(values: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const flags = SERVE_FLAGS.map(({ name, aliases, value }): readonly [string, string] => [
    aliases?.[0] ?? name,
    values.get(name) ?? (value === undefined ? 'false' : ''),
  ])
  return Object.fromEntries(flags.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function isLevel(text: string): text is ServeOptions['logLevel'] {
  return ['debug', 'info', 'warn', 'error'].includes(text)
}
