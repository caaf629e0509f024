/**
 * The same Plan from a `prometheus.yml`: what starts Prometheus starts assay.
 *
 * - Defaults are Prometheus'. A key that Prometheus knows and assay does not honour yet is refused when dropping it would
 *   change what is measured (another discovery, TLS), and is a warning when it would not.
 * - Pure: the text comes in, rule files are read by who calls.
 */
import { z } from 'zod'
import { AssayError, formatDuration, METRIC_NAME, parseDuration, parseSize, toRegExp, tryParseDuration } from '#core'
import type { RuleGroup } from '#rules'
import { RELABEL_ACTIONS, type RelabelConfig, type ScrapeConfig } from '#scrape'
import type { Plan, PlanPart } from './plan.ts'
import { parseYaml } from './yaml.ts'

const CODE = 'ASSAY_CONFIG'

const duration = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine((text) => tryParseDuration(text) !== undefined, { message: 'not a duration; write 15s, 1m or 1h30m' })
  .transform(parseDuration)
const size = z.string().transform((text, context) => {
  try {
    return parseSize(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})
const labels = z.record(z.string(), z.string())
const texts = z.array(z.string())

const relabel = z.strictObject({
  action: z.string().toLowerCase().pipe(z.enum(RELABEL_ACTIONS)).default('replace'),
  source_labels: texts.default([]),
  separator: z.string().default(';'),
  regex: z
    .union([z.string(), z.number()])
    .transform(String)
    .refine(isRegex, { message: 'not a regular expression (RE2)' })
    .default('(.*)'),
  modulus: z.number().int().nonnegative().default(0),
  target_label: z.string().default(''),
  replacement: z.string().default('$1'),
})

/** What a page without a usable content type is taken for. */
const FALLBACKS = {
  'PrometheusText0.0.4': 'text',
  'PrometheusText1.0.0': 'text',
  'OpenMetricsText0.0.1': 'openmetrics',
  'OpenMetricsText1.0.0': 'openmetrics',
} as const

const basicAuth = z.strictObject({ username: z.string().default(''), password: z.string().default('') })
const authorization = z.strictObject({ type: z.string().default('Bearer'), credentials: z.string() })

const scrape = z.strictObject({
  job_name: z.string().min(1),
  scrape_interval: duration.optional(),
  scrape_timeout: duration.optional(),
  metrics_path: z.string().default('/metrics'),
  scheme: z.enum(['http', 'https']).default('http'),
  params: z.record(z.string(), texts).default({}),
  honor_labels: z.boolean().default(false),
  honor_timestamps: z.boolean().default(true),
  static_configs: z.array(z.strictObject({ targets: texts, labels: labels.default({}) })).default([]),
  file_sd_configs: z
    .array(z.strictObject({ files: texts.min(1), refresh_interval: duration.default(300_000) }))
    .default([]),
  relabel_configs: z.array(relabel).default([]),
  metric_relabel_configs: z.array(relabel).default([]),
  body_size_limit: size.optional(),
  sample_limit: z.number().int().nonnegative().optional(),
  label_limit: z.number().int().nonnegative().optional(),
  label_name_length_limit: z.number().int().nonnegative().optional(),
  label_value_length_limit: z.number().int().nonnegative().optional(),
  follow_redirects: z.boolean().default(true),
  fallback_scrape_protocol: z
    .enum(['PrometheusText0.0.4', 'PrometheusText1.0.0', 'OpenMetricsText0.0.1', 'OpenMetricsText1.0.0'])
    .optional(),
  basic_auth: basicAuth.optional(),
  authorization: authorization.optional(),
  bearer_token: z.string().optional(),
  // Known to Prometheus and without effect on what is measured here.
  enable_compression: z.boolean().optional(),
  track_timestamps_staleness: z.boolean().optional(),
  scrape_protocols: texts.optional(),
  metric_name_validation_scheme: z.string().optional(),
  metric_name_escaping_scheme: z.string().optional(),
})

const file = z.strictObject({
  global: z
    .strictObject({
      scrape_interval: duration.default(60_000),
      scrape_timeout: duration.optional(),
      evaluation_interval: duration.default(60_000),
      rule_query_offset: duration.default(0),
      external_labels: labels.default({}),
      query_log_file: z.string().optional(),
      scrape_protocols: texts.optional(),
      body_size_limit: size.optional(),
      sample_limit: z.number().int().nonnegative().optional(),
      label_limit: z.number().int().nonnegative().optional(),
      metric_name_validation_scheme: z.string().optional(),
    })
    .prefault({}),
  rule_files: texts.default([]),
  scrape_configs: z.array(scrape).default([]),
  alerting: z.unknown().optional(),
  remote_write: z.unknown().optional(),
  remote_read: z.unknown().optional(),
  storage: z.unknown().optional(),
  tracing: z.unknown().optional(),
  otlp: z.unknown().optional(),
})

export type PrometheusConfig = {
  readonly evaluationIntervalMs: number
  readonly queryOffsetMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly scrapeIntervalMs: number
  readonly scrapes: readonly ScrapeConfig[]
  /** Globs, relative to the file. */
  readonly ruleFiles: readonly string[]
  /** What is in the file and has no effect yet, a sentence each. */
  readonly warnings: readonly string[]
}

/** Reads the text of a `prometheus.yml`. Throws `ASSAY_CONFIG` with `file:line:column`. */
export function parsePrometheusConfig(text: string, name: string): PrometheusConfig {
  const parsed = parseYaml(text, name, file, CODE)
  const global = parsed.global
  const jobs = new Set<string>()
  const scrapes = parsed.scrape_configs.map((one): ScrapeConfig => {
    if (jobs.has(one.job_name))
      throw new AssayError(
        CODE,
        `${name}: job_name ${JSON.stringify(one.job_name)} stands twice; each job needs a name of its own`,
      )
    jobs.add(one.job_name)
    const intervalMs = one.scrape_interval ?? global.scrape_interval
    const timeoutMs = one.scrape_timeout ?? Math.min(global.scrape_timeout ?? 10_000, intervalMs)
    if (intervalMs <= 0) throw new AssayError(CODE, `${name}: job ${one.job_name}: scrape_interval must be above 0`)
    if (timeoutMs > intervalMs) {
      throw new AssayError(
        CODE,
        `${name}: job ${one.job_name}: scrape_timeout ${formatDuration(timeoutMs)} is longer than scrape_interval ${formatDuration(intervalMs)}`,
      )
    }
    const limits = {
      bodySizeBytes: one.body_size_limit ?? global.body_size_limit,
      samples: one.sample_limit ?? global.sample_limit,
      labels: one.label_limit ?? global.label_limit,
      labelNameLength: one.label_name_length_limit,
      labelValueLength: one.label_value_length_limit,
    }
    const bearer =
      one.bearer_token === undefined ? one.authorization : { type: 'Bearer', credentials: one.bearer_token }
    return {
      jobName: one.job_name,
      intervalMs,
      timeoutMs,
      scheme: one.scheme,
      metricsPath: one.metrics_path,
      params: one.params,
      honorLabels: one.honor_labels,
      honorTimestamps: one.honor_timestamps,
      staticConfigs: one.static_configs,
      fileSdConfigs: one.file_sd_configs.map(({ files, refresh_interval }) => ({ files, refreshMs: refresh_interval })),
      relabelConfigs: one.relabel_configs.map(relabelOf),
      metricRelabelConfigs: one.metric_relabel_configs.map(relabelOf),
      followRedirects: one.follow_redirects,
      ...(one.fallback_scrape_protocol === undefined
        ? {}
        : { fallbackFormat: FALLBACKS[one.fallback_scrape_protocol] }),
      limits: Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)),
      ...(one.basic_auth === undefined ? {} : { basicAuth: one.basic_auth }),
      ...(bearer === undefined ? {} : { authorization: bearer }),
    }
  })
  if (METRIC_NAME in global.external_labels)
    throw new AssayError(CODE, `${name}: external_labels may not hold ${METRIC_NAME}`)
  return {
    evaluationIntervalMs: global.evaluation_interval,
    queryOffsetMs: global.rule_query_offset,
    externalLabels: global.external_labels,
    scrapeIntervalMs: global.scrape_interval,
    scrapes,
    ruleFiles: parsed.rule_files,
    warnings: (['alerting', 'remote_write', 'remote_read', 'tracing', 'storage', 'otlp'] as const)
      .filter((key) => parsed[key] !== undefined && parsed[key] !== null)
      .map((key) => `${name}: ${key} has no effect yet`),
  }
}

/** A Plan whose parts are the jobs. */
export function planOfPrometheus(config: PrometheusConfig, ruleGroups: readonly RuleGroup[]): Plan {
  return {
    name: 'prometheus',
    scrapeIntervalMs: config.scrapeIntervalMs,
    evaluationIntervalMs: config.evaluationIntervalMs,
    externalLabels: config.externalLabels,
    parts: config.scrapes.map(({ jobName }): PlanPart => {
      const job = JSON.stringify(jobName)
      return {
        id: jobName,
        title: jobName,
        kind: 'job',
        job: jobName,
        uses: [],
        channels: [],
        signals: [
          {
            id: 'up',
            title: 'up',
            unit: 'count',
            form: 'number',
            expr: `sum(up{job=${job}})`,
            of: `count(up{job=${job}})`,
          },
          {
            id: 'samples',
            title: 'samples',
            unit: 'count',
            form: 'number',
            expr: `sum(scrape_samples_scraped{job=${job}})`,
          },
        ],
        charts: [
          { id: 'up', title: 'targets up', unit: 'count', expr: `sum(up{job=${job}})` },
          {
            id: 'duration',
            title: 'scrape duration',
            unit: 'seconds',
            expr: `scrape_duration_seconds{job=${job}}`,
            legend: 'instance',
          },
          {
            id: 'samples',
            title: 'samples per scrape',
            unit: 'count',
            expr: `scrape_samples_scraped{job=${job}}`,
            legend: 'instance',
          },
        ],
      }
    }),
    edges: [],
    callers: [],
    scrapes: config.scrapes,
    collectors: [],
    ruleGroups,
    policies: [],
    receivers: [],
    runtimes: [],
  }
}

function relabelOf(one: z.output<typeof relabel>): RelabelConfig {
  return {
    action: one.action,
    sourceLabels: one.source_labels,
    separator: one.separator,
    regex: one.regex,
    modulus: one.modulus,
    targetLabel: one.target_label,
    replacement: one.replacement,
  }
}

function isRegex(text: string): boolean {
  try {
    toRegExp(text)
    return true
  } catch {
    return false
  }
}
