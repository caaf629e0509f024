/**
 * `<scrape_config>`: one job of a `prometheus.yml`, and what `global` says for all jobs.
 *
 * - Defaults are those of Prometheus 3.14; where a job is silent, `global` speaks.
 * - Keys that exclude each other, and values that do, are told at their place.
 */
import { z } from 'zod'
import { type Feature, formatDuration } from '#core'
import {
  DEFAULT_PROTOCOLS,
  ESCAPING_SCHEMES,
  formatOfProtocol,
  PROTOBUF_FIRST,
  SCRAPE_PROTOCOLS,
  type ScrapeConfig,
} from '#scrape'
import { byteLimit, duration, limit, notHere, number, text, texts, truth } from './config-scalars.ts'
import { discoveryOf, discoveryShape } from './discovery-config.ts'
import { type Fault, fileOf, httpClientFaults, httpClientOf, httpClientShape } from './http-client-config.ts'
import { relabelOf, relabelSteps } from './relabel-config.ts'

const protocol = z.enum(SCRAPE_PROTOCOLS, { error: `write one of ${SCRAPE_PROTOCOLS.join(', ')}` })
const protocols = z
  .array(protocol)
  .min(1, { error: 'name at least one protocol, or leave the key out' })
  .refine((list) => new Set(list).size === list.length, { error: 'a protocol stands twice' })

/** What a job and `global` both may say; a job's word counts. */
const sharedShape = {
  scrape_interval: duration.optional(),
  scrape_timeout: duration.optional(),
  scrape_protocols: protocols.optional(),
  scrape_native_histograms: truth.optional(),
  always_scrape_classic_histograms: truth.optional(),
  convert_classic_histograms_to_nhcb: truth.optional(),
  extra_scrape_metrics: truth.optional(),
  scrape_failure_log_file: text.optional(),
  body_size_limit: byteLimit.optional(),
  sample_limit: limit.optional(),
  target_limit: limit.optional(),
  label_limit: limit.optional(),
  label_name_length_limit: limit.optional(),
  label_value_length_limit: limit.optional(),
  keep_dropped_targets: limit.optional(),
  metric_name_validation_scheme: z.enum(['utf8', 'legacy', ''], { error: 'write utf8 or legacy' }).optional(),
  metric_name_escaping_scheme: z
    .enum([...ESCAPING_SCHEMES, ''], { error: `write one of ${ESCAPING_SCHEMES.join(', ')}` })
    .optional(),
}

/** The keys of `global` that are about scraping. */
export const globalScrapeShape = sharedShape

export const scrapeJob = z
  .strictObject({
    job_name: text.refine((name) => name !== '', { error: 'job_name is empty; each job needs a name' }),
    ...sharedShape,
    ...discoveryShape,
    ...httpClientShape,
    honor_labels: truth.default(false),
    honor_timestamps: truth.default(true),
    track_timestamps_staleness: truth.default(false),
    metrics_path: text.default('/metrics'),
    scheme: z.enum(['http', 'https'], { error: 'write http or https' }).default('http'),
    params: z.record(z.string(), texts).default({}),
    enable_compression: truth.default(true),
    fallback_scrape_protocol: z
      .enum([...SCRAPE_PROTOCOLS, ''], { error: `write one of ${SCRAPE_PROTOCOLS.join(', ')}` })
      .optional(),
    native_histogram_bucket_limit: limit.optional(),
    native_histogram_min_bucket_factor: number(z.number().nonnegative()).optional(),
    relabel_configs: relabelSteps.default([]),
    metric_relabel_configs: relabelSteps.default([]),
    scrape_classic_histograms: notHere('it is called always_scrape_classic_histograms since Prometheus 3.0'),
  })
  .superRefine((job, context) => {
    for (const { path, message } of [...httpClientFaults(job), ...targetFaults(job)])
      context.addIssue({ code: 'custom', path: [...path], message })
  })

type Shared = z.output<z.ZodObject<typeof sharedShape>>
export type ScrapeJob = z.output<typeof scrapeJob>

/** A target with a scheme or a path is a URL, which no target is, unless relabelling makes one of it. */
function targetFaults(job: {
  readonly static_configs: readonly { readonly targets: readonly string[] }[]
  readonly relabel_configs: readonly unknown[]
}): readonly Fault[] {
  if (job.relabel_configs.length > 0) return []
  return job.static_configs.flatMap(({ targets }, i) =>
    targets.flatMap((target, k) =>
      target.includes('/')
        ? [
            {
              path: ['static_configs', String(i), 'targets', String(k)],
              message: `${JSON.stringify(target)} is no address; write host:port without a scheme or a path`,
            },
          ]
        : [],
    ),
  )
}

export const DEFAULT_INTERVAL_MS = 60_000
const DEFAULT_TIMEOUT_MS = 10_000

/** What a job and `global` together cannot be, with the job's key to change. */
export function jobFaults(job: ScrapeJob, global: Shared): readonly Fault[] {
  const faults: Fault[] = []
  const intervalMs = intervalOf(job, global)
  const timeoutMs = job.scrape_timeout || 0
  if (timeoutMs > intervalMs)
    faults.push({
      path: ['scrape_timeout'],
      message: `scrape_timeout ${formatDuration(timeoutMs)} is longer than scrape_interval ${formatDuration(intervalMs)}`,
    })
  const { legacy, escaping } = namesOf(job, global)
  if (legacy && escaping === 'allow-utf-8')
    faults.push({
      path: ['metric_name_escaping_scheme'],
      message: 'allow-utf-8 does not go with metric_name_validation_scheme legacy; write underscores, dots or values',
    })
  return faults
}

/** The same of `global` alone. */
export function globalFaults(global: Shared): readonly Fault[] {
  const intervalMs = global.scrape_interval || DEFAULT_INTERVAL_MS
  return (global.scrape_timeout ?? 0) > intervalMs
    ? [
        {
          path: ['scrape_timeout'],
          message: `scrape_timeout ${formatDuration(global.scrape_timeout!)} is longer than scrape_interval ${formatDuration(intervalMs)}`,
        },
      ]
    : []
}

/** Where the file stands, and what is switched on. */
export type JobContext = { readonly global: Shared; readonly dir: string; readonly features: ReadonlySet<Feature> }

export function scrapeConfigOf(job: ScrapeJob, { global, dir, features }: JobContext): ScrapeConfig {
  const intervalMs = intervalOf(job, global)
  const globalTimeoutMs =
    global.scrape_timeout || Math.min(DEFAULT_TIMEOUT_MS, global.scrape_interval || DEFAULT_INTERVAL_MS)
  const native = job.scrape_native_histograms ?? global.scrape_native_histograms ?? false
  const keepClassic = job.always_scrape_classic_histograms ?? global.always_scrape_classic_histograms ?? false
  const convertClassic = job.convert_classic_histograms_to_nhcb ?? global.convert_classic_histograms_to_nhcb ?? false
  const withStarts = features.has('created-timestamp-zero-ingestion') || features.has('st-storage')
  const failureLogFile = job.scrape_failure_log_file || global.scrape_failure_log_file
  const { legacy, escaping } = namesOf(job, global)
  const numbers = (key: keyof Shared & `${string}_limit`) => (job[key] || global[key]) as number | undefined
  return {
    jobName: job.job_name,
    intervalMs,
    timeoutMs: job.scrape_timeout || Math.min(globalTimeoutMs, intervalMs),
    scheme: job.scheme,
    metricsPath: job.metrics_path,
    params: job.params,
    honorLabels: job.honor_labels,
    honorTimestamps: job.honor_timestamps,
    ...discoveryOf(job, dir),
    ...httpClientOf(job, dir),
    relabelConfigs: job.relabel_configs.map(relabelOf),
    metricRelabelConfigs: job.metric_relabel_configs.map(relabelOf),
    limits: present({
      bodySizeBytes: numbers('body_size_limit'),
      samples: numbers('sample_limit'),
      labels: numbers('label_limit'),
      labelNameLength: numbers('label_name_length_limit'),
      labelValueLength: numbers('label_value_length_limit'),
      buckets: job.native_histogram_bucket_limit,
      bucketFactor: job.native_histogram_min_bucket_factor,
    }),
    protocols:
      job.scrape_protocols ?? global.scrape_protocols ?? (native || withStarts ? PROTOBUF_FIRST : DEFAULT_PROTOCOLS),
    escaping,
    compression: job.enable_compression,
    ...present({
      targetLimit: numbers('target_limit'),
      keepDropped: job.keep_dropped_targets || global.keep_dropped_targets,
      fallbackFormat: job.fallback_scrape_protocol ? formatOfProtocol(job.fallback_scrape_protocol) : undefined,
      failureLogFile: failureLogFile ? fileOf(failureLogFile, dir) : undefined,
      trackTimestampsStaleness: job.track_timestamps_staleness || undefined,
      legacyNames: legacy || undefined,
      extraMetrics: (job.extra_scrape_metrics ?? global.extra_scrape_metrics) || undefined,
      histograms: native || keepClassic || convertClassic ? { native, keepClassic, convertClassic } : undefined,
    }),
  }
}

function intervalOf(job: Shared, global: Shared): number {
  return job.scrape_interval || global.scrape_interval || DEFAULT_INTERVAL_MS
}

/** Which names are taken, and how a target is asked to spell those that are not. A job's own validation brings its own spelling. */
function namesOf(
  job: Shared,
  global: Shared,
): { readonly legacy: boolean; readonly escaping: (typeof ESCAPING_SCHEMES)[number] } {
  const globalLegacy = global.metric_name_validation_scheme === 'legacy'
  const legacy = job.metric_name_validation_scheme ? job.metric_name_validation_scheme === 'legacy' : globalLegacy
  const fallback = (of: boolean) => (of ? 'underscores' : 'allow-utf-8')
  const inherited = global.metric_name_escaping_scheme || fallback(globalLegacy)
  return {
    legacy,
    escaping: job.metric_name_escaping_scheme || (job.metric_name_validation_scheme ? fallback(legacy) : inherited),
  }
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function present<T extends object>(from: T): Present<T> {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as Present<T>
}
