/**
 * The same Plan from a `prometheus.yml`: what starts Prometheus starts assay.
 *
 * - Defaults are Prometheus'. A key that Prometheus knows and assay does not honour yet is refused when dropping it would
 *   change what is measured (another discovery), and is a warning when it would not.
 * - Pure: the text comes in; rule files and files of scrape jobs are read by who calls.
 * - Each section has a file of its own: jobs in `scrape-config.ts`, their targets in `discovery-config.ts`, how servers are spoken to
 *   in `http-client-config.ts`, relabelling in `relabel-config.ts`, the store in `storage-config.ts`.
 */
import { dirname } from 'node:path'
import { z } from 'zod'
import { type Feature, METRIC_NAME } from '#core'
import type { OtlpSettings, RemoteWriteConfig } from '#remote'
import type { RuleGroup } from '#rules'
import type { RelabelConfig, ScrapeConfig } from '#scrape'
import { duration, labels, text } from './config-scalars.ts'
import { type Fault, fileOf } from './http-client-config.ts'
import { otlpSection } from './otlp-config.ts'
import type { Plan, PlanPart } from './plan.ts'
import { remoteWriteOf, remoteWrites } from './remote-write-config.ts'
import {
  DEFAULT_INTERVAL_MS,
  globalFaults,
  globalScrapeShape,
  jobFaults,
  type ScrapeJob,
  scrapeConfigOf,
  scrapeJob,
} from './scrape-config.ts'
import { type StorageSettings, storageSection, storageSettingsOf, storageWithoutEffect } from './storage-config.ts'
import { parseYaml } from './yaml.ts'

const CODE = 'ASSAY_CONFIG'

const globPattern = text.refine((path) => /^[^*]*(\*[^/]*)?$/.test(path), {
  error: '* may stand in the last part of a path alone',
})

const globalSection = z
  .strictObject({
    ...globalScrapeShape,
    evaluation_interval: duration.optional(),
    rule_query_offset: duration.default(0),
    external_labels: labels
      .refine((all) => !(METRIC_NAME in all), { error: `external labels may not hold ${METRIC_NAME}` })
      .default({}),
    query_log_file: text.optional(),
  })
  .superRefine((global, context) => complain(globalFaults(global), [], context))

const file = z
  .strictObject({
    global: globalSection.optional().transform((global) => global ?? globalSection.parse({})),
    rule_files: z.array(globPattern).optional(),
    scrape_config_files: z.array(globPattern).optional(),
    scrape_configs: z.array(scrapeJob).optional(),
    // One line each: the schema of a section that is read, `z.unknown()` of one that is not. What is made of it stands below.
    remote_write: remoteWrites.optional(),
    otlp: otlpSection.optional(),
    alerting: z.unknown().optional(),
    remote_read: z.unknown().optional(),
    storage: storageSection.optional(),
    tracing: z.unknown().optional(),
    // Settings of Go's runtime: there is none.
    runtime: z.unknown().optional(),
  })
  .superRefine(({ global, scrape_configs: jobs }, context) => checkJobs(jobs ?? [], global, context))

/** Sections that are read and not acted upon. */
const WITHOUT_EFFECT = ['alerting', 'remote_read', 'tracing'] as const

export type PrometheusConfig = {
  readonly evaluationIntervalMs: number
  readonly queryOffsetMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly scrapeIntervalMs: number
  readonly scrapes: readonly ScrapeConfig[]
  readonly remoteWrites: readonly RemoteWriteConfig<RelabelConfig>[]
  /** Globs, relative to the file. */
  readonly ruleFiles: readonly string[]
  /** Globs of files with more jobs (`scrape_config_files`), relative to the file; read them with `parseScrapeFile`. */
  readonly scrapeFiles: readonly string[]
  /** How metrics of OpenTelemetry become series; absent: by the defaults. */
  readonly otlp?: OtlpSettings
  readonly storage: StorageSettings
  /** Where queries are to be written down, from the working directory. */
  readonly queryLogFile?: string
  /** What is in the file and has no effect yet, a sentence each. */
  readonly warnings: readonly string[]
}

export type ConfigOptions = {
  /** Features that change defaults: those with start times ask for protobuf first. */
  readonly features?: ReadonlySet<Feature>
  /** What `$NAME` and `${NAME}` in external labels stand for; absent: they stay as they are. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Reads the text of a `prometheus.yml` that stands at `name`. Throws `ASSAY_CONFIG` with `file:line:column`. */
export function parsePrometheusConfig(text: string, name: string, options: ConfigOptions = {}): PrometheusConfig {
  const { features = new Set<Feature>(), environment } = options
  const parsed = parseYaml(text, name, file, CODE)
  const { global } = parsed
  const dir = dirname(name)
  const jobs = parsed.scrape_configs ?? []
  return {
    evaluationIntervalMs: global.evaluation_interval || DEFAULT_INTERVAL_MS,
    queryOffsetMs: global.rule_query_offset,
    externalLabels: environment === undefined ? global.external_labels : expandAll(global.external_labels, environment),
    scrapeIntervalMs: global.scrape_interval || DEFAULT_INTERVAL_MS,
    scrapes: jobs.map((job) => scrapeConfigOf(job, { global, dir, features })),
    remoteWrites: (parsed.remote_write ?? []).map((one) => remoteWriteOf(one, dir)),
    ruleFiles: parsed.rule_files ?? [],
    scrapeFiles: parsed.scrape_config_files ?? [],
    ...(parsed.otlp ? { otlp: parsed.otlp } : {}),
    storage: storageSettingsOf(parsed.storage ?? {}),
    ...(global.query_log_file ? { queryLogFile: fileOf(global.query_log_file, dir) } : {}),
    warnings: [
      ...WITHOUT_EFFECT.filter((key) => parsed[key] !== undefined && parsed[key] !== null),
      ...storageWithoutEffect(parsed.storage ?? {}),
    ].map((key) => `${name}: ${key} has no effect yet`),
  }
}

/**
 * The jobs of a file that `scrape_config_files` of `main` names; `before` are those that are known already. The settings of `main`'s
 * `global` hold for them. Throws `ASSAY_CONFIG` with `file:line:column`.
 */
export function parseScrapeFile(
  text: string,
  name: string,
  main: { readonly text: string; readonly name: string; readonly before: readonly ScrapeConfig[] } & ConfigOptions,
): readonly ScrapeConfig[] {
  const { global } = parseYaml(main.text, main.name, file, CODE)
  const schema = z
    .strictObject({ scrape_configs: z.array(scrapeJob).optional() })
    .superRefine(({ scrape_configs: jobs }, context) => {
      checkJobs(jobs ?? [], global, context, new Set(main.before.map(({ jobName }) => jobName)))
    })
  const jobs = parseYaml(text, name, schema, CODE).scrape_configs ?? []
  const features = main.features ?? new Set<Feature>()
  return jobs.map((job) => scrapeConfigOf(job, { global, dir: dirname(name), features }))
}

type Context = { addIssue(issue: { code: 'custom'; path: (string | number)[]; message: string }): void }

function checkJobs(
  jobs: readonly ScrapeJob[],
  global: z.output<typeof globalSection>,
  context: Context,
  taken: Set<string> = new Set(),
): void {
  for (const [i, job] of jobs.entries()) {
    const at = ['scrape_configs', i]
    if (taken.has(job.job_name))
      complain(
        [
          {
            path: ['job_name'],
            message: `job_name ${JSON.stringify(job.job_name)} stands twice; each job needs a name of its own`,
          },
        ],
        at,
        context,
      )
    taken.add(job.job_name)
    complain(jobFaults(job, global), at, context)
  }
}

function complain(faults: readonly Fault[], at: readonly (string | number)[], context: Context): void {
  for (const { path, message } of faults) context.addIssue({ code: 'custom', path: [...at, ...path], message })
}

/** `$NAME`, `${NAME}` and `$$` as Go's `os.Expand` reads them; what is not set is empty. */
function expandAll(
  from: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const expand = (value: string) =>
    value.replace(/\$(?:(\$)|\{([^{}]*)\}|(\w+))/g, (_, dollar?: string, braced?: string, bare?: string) =>
      dollar === undefined ? (environment[braced ?? bare ?? ''] ?? '') : '$',
    )
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, expand(value)]))
}

/** A Plan whose parts are the jobs. */
export function planOfPrometheus(config: PrometheusConfig, ruleGroups: readonly RuleGroup[]): Plan {
  return {
    name: 'prometheus',
    scrapeIntervalMs: config.scrapeIntervalMs,
    evaluationIntervalMs: config.evaluationIntervalMs,
    externalLabels: config.externalLabels,
    watchesItself: false,
    ...(config.otlp === undefined ? {} : { otlp: config.otlp }),
    storage: config.storage,
    ...(config.queryLogFile === undefined ? {} : { queryLogFile: config.queryLogFile }),
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
    remoteWrites: config.remoteWrites,
    collectors: [],
    ruleGroups,
    policies: [],
    receivers: [],
    runtimes: [],
  }
}
