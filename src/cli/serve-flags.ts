/**
 * The flags of `assay serve`, Prometheus' spellings included, and what they mean.
 */
import { AssayError, formatDuration, parseDuration, parseSize } from '#core'
import { type Listen, parseListen } from './listen.ts'
import type { Flag } from './options.ts'

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
  { name: 'log-level', value: 'LEVEL', default: 'info', aliases: ['log.level'], help: 'debug, info, warn or error' },
  // What Prometheus needs a flag for and assay does anyway, or does not need: taken and without effect.
  { name: 'web.enable-remote-write-receiver', help: 'on by default on loopback' },
  { name: 'enable-feature', value: 'NAMES', help: "taken for Prometheus' sake" },
  { name: 'rules.alert.resend-delay', value: 'TIME', help: "taken for Prometheus' sake" },
  { name: 'web.console.templates', value: 'DIR', help: "taken for Prometheus' sake" },
  { name: 'web.console.libraries', value: 'DIR', help: "taken for Prometheus' sake" },
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
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** For `status/flags`. */
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
  const maxSamples = Number(text('query-max-samples'))
  if (!Number.isSafeInteger(maxSamples) || maxSamples < 1) {
    throw new AssayError(
      'ASSAY_USAGE',
      `--query-max-samples ${JSON.stringify(text('query-max-samples'))}: write a whole number above 0`,
    )
  }
  const retentionMs = duration('retention')
  return {
    config: text('config'),
    listen: named('listen', parseListen),
    data: text('data'),
    retentionMs,
    retentionBytes: values.has('retention-size') ? named('retention-size', parseSize) : undefined,
    queryTimeoutMs: duration('query-timeout'),
    maxSamples,
    lookbackMs: duration('lookback'),
    outageToleranceMs: duration('outage-tolerance'),
    forGraceMs: duration('for-grace'),
    externalUrl: values.get('external-url'),
    routePrefix: values.get('route-prefix'),
    lifecycle: values.get('lifecycle') === 'true',
    logLevel,
    flags: { ...Object.fromEntries(values), retention: formatDuration(retentionMs) },
  }
}

function isLevel(text: string): text is ServeOptions['logLevel'] {
  return ['debug', 'info', 'warn', 'error'].includes(text)
}
