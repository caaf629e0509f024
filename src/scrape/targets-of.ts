/**
 * From a job's groups to its targets, exactly as Prometheus: defaults, relabelling, `__` labels.
 *
 * - Pure: what is discovered comes in as groups, the reader of a target is made by `readerOf`.
 * - `__address__`, `__scheme__`, `__metrics_path__`, `__param_*`, `__scrape_interval__`, `__scrape_timeout__` are what
 *   relabelling left of them; `__meta_*` and every other `__` label is gone from the target.
 */
import { AssayError, formatDuration, Labels, tryParseDuration } from '#core'
import { relabel } from './relabel.ts'
import type { DroppedTarget, ScrapeConfig, Target, TargetSettings } from './types.ts'

/** Targets that share labels, as a static configuration or a file lists them. */
export type TargetGroup = { readonly targets: readonly string[]; readonly labels: Readonly<Record<string, string>> }

/** Makes what reads a target's URL. */
export type ReaderOf = (request: {
  readonly url: string
  readonly timeoutMs: number
  readonly config: ScrapeConfig
}) => Pick<Target, 'read' | 'askBeside'>

export type DiscoveredTargets = {
  readonly targets: readonly Target[]
  readonly dropped: readonly DroppedTarget[]
  /** One sentence for each target that cannot be one; the others go on. */
  readonly problems: readonly string[]
}

export function targetsOf(config: ScrapeConfig, groups: readonly TargetGroup[], readerOf: ReaderOf): DiscoveredTargets {
  const targets: Target[] = []
  const dropped: DroppedTarget[] = []
  const problems: string[] = []
  for (const group of groups) {
    for (const address of group.targets) {
      const discoveredLabels = discovered(config, group, address)
      try {
        const labels = relabel(discoveredLabels, config.relabelConfigs)
        if (labels === undefined) dropped.push({ pool: config.jobName, discoveredLabels })
        else targets.push(targetOf({ config, labels, discoveredLabels, readerOf }))
      } catch (thrown) {
        if (!(thrown instanceof AssayError)) throw thrown
        problems.push(`${config.jobName}: ${address}: ${thrown.message}`)
      }
    }
  }
  const { targetLimit = 0, keepDropped = 0 } = config
  const unique = new Set(targets.map(({ labels, url }) => `${labels.key}\0${url}`)).size
  const refusal = `target_limit exceeded: the job has ${unique} targets, the limit is ${targetLimit}; none of them is scraped. Raise the limit, or drop targets in relabel_configs`
  return {
    targets: targetLimit > 0 && unique > targetLimit ? targets.map((target) => ({ ...target, refusal })) : targets,
    dropped: keepDropped > 0 ? first(dropped, keepDropped) : dropped,
    problems,
  }
}

/** The first of them; the last one that is listed counts the others. */
function first(dropped: readonly DroppedTarget[], most: number): readonly DroppedTarget[] {
  const last = dropped[most - 1]
  if (last === undefined || dropped.length === most) return dropped
  return [...dropped.slice(0, most - 1), { ...last, more: dropped.length - most }]
}

/** What relabelling sees: the group's labels, and the job's defaults where they set none. */
function discovered(config: ScrapeConfig, group: TargetGroup, address: string): Labels {
  const params: Record<string, string> = {}
  for (const [name, values] of Object.entries(config.params))
    if (values[0] !== undefined) params[`__param_${name}`] = values[0]
  return Labels.of({
    job: config.jobName,
    __scrape_interval__: formatDuration(config.intervalMs),
    __scrape_timeout__: formatDuration(config.timeoutMs),
    __metrics_path__: config.metricsPath,
    __scheme__: config.scheme,
    ...params,
    // An empty label is no label: the default holds.
    ...Object.fromEntries(Object.entries(group.labels).filter(([, value]) => value !== '')),
    __address__: address,
  })
}

type Relabelled = {
  readonly config: ScrapeConfig
  readonly labels: Labels
  readonly discoveredLabels: Labels
  readonly readerOf: ReaderOf
}

function targetOf({ config, labels, discoveredLabels, readerOf }: Relabelled): Target {
  const address = labels.get('__address__')
  if (address === '') throw invalid('relabelling left no __address__')
  if (address.includes('/'))
    throw invalid(`${JSON.stringify(address)} is no address; write host:port without a scheme or a path`)
  const intervalMs = durationOf(labels, '__scrape_interval__')
  const timeoutMs = durationOf(labels, '__scrape_timeout__')
  if (timeoutMs > intervalMs) {
    throw invalid(`the timeout ${formatDuration(timeoutMs)} is longer than the interval ${formatDuration(intervalMs)}`)
  }
  const { url, shown } = urlOf(config, labels, address)
  const own = new Map([...labels].filter(([name]) => !name.startsWith('__')))
  if (!own.has('instance')) own.set('instance', address)
  return {
    pool: config.jobName,
    labels: Labels.fromPairs(own),
    discoveredLabels,
    url: shown,
    intervalMs,
    timeoutMs,
    honorLabels: config.honorLabels,
    honorTimestamps: config.honorTimestamps,
    metricRelabelConfigs: config.metricRelabelConfigs,
    limits: config.limits,
    ...settingsOf(config),
    ...readerOf({ url, timeoutMs, config }),
  }
}

function settingsOf(config: ScrapeConfig): TargetSettings {
  const { trackTimestampsStaleness, histograms, legacyNames, extraMetrics, failureLogFile } = config
  return {
    ...(trackTimestampsStaleness === undefined ? {} : { trackTimestampsStaleness }),
    ...(histograms === undefined ? {} : { histograms }),
    ...(legacyNames === undefined ? {} : { legacyNames }),
    ...(extraMetrics === undefined ? {} : { extraMetrics }),
    ...(failureLogFile === undefined ? {} : { failureLogFile }),
  }
}

/** The URL to read, and the one to show. */
function urlOf(
  config: ScrapeConfig,
  labels: Labels,
  address: string,
): { readonly url: string; readonly shown: string } {
  const scheme = labels.get('__scheme__')
  if (scheme !== 'http' && scheme !== 'https')
    throw invalid(`the scheme is ${JSON.stringify(scheme)}; write http or https`)
  const params = new Map(Object.entries(config.params).map(([name, values]) => [name, [...values]]))
  for (const [name, value] of labels) {
    if (!name.startsWith('__param_')) continue
    const rest = params.get(name.slice('__param_'.length))?.slice(1) ?? []
    params.set(name.slice('__param_'.length), [value, ...rest])
  }
  const pairs = [...params]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, values]) => values.map((value) => [name, value]))
  const path = labels.get('__metrics_path__')
  // Put together as text: a URL object would take the default port away, which people wrote and look for.
  const base = `${scheme}://${address}${path.startsWith('/') ? '' : '/'}${path}`
  if (!URL.canParse(base)) throw invalid(`${JSON.stringify(address)} is no address; write host:port`)
  const withQuery = (of: string[][]) =>
    of.length === 0 ? base : `${base}${base.includes('?') ? '&' : '?'}${new URLSearchParams(of)}`
  return {
    url: withQuery(pairs),
    shown: withQuery(pairs.map(([name = '', value = '']) => [name, SECRET_NAME.test(name) ? '***' : value])).replace(
      /\/\/[^/@]*@/,
      '//***@',
    ),
  }
}

/** Parameters whose values are for the target alone. */
const SECRET_NAME = /token|secret|pass|auth|key|sig/i

function durationOf(labels: Labels, name: string): number {
  const text = labels.get(name)
  const ms = tryParseDuration(text)
  if (ms === undefined || ms === 0)
    throw invalid(`${name} is ${JSON.stringify(text)}; write a duration above 0, as in 15s`)
  return ms
}

function invalid(message: string): AssayError {
  return new AssayError('ASSAY_SCRAPE_TARGET', message)
}
