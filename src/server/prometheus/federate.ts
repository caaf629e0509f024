/**
 * `/federate`: the latest samples of the selected series, as a page of the exposition format.
 *
 * - A series whose last sample is a stale marker, or older than the lookback, is not there. External labels are added where
 *   the series has none of that name, and `instance` is always written, so that a scrape with `honor_labels` keeps both.
 * - Native histograms are told to those who ask for protocol buffers; text has no words for them. Those with custom bounds have no
 *   place in either, and are left out.
 * - A family is split where its type changes, as Prometheus does: whoever reads federation reads that.
 */
import { CUSTOM_SCHEMA, formatSeries, formatValue, isLegacyName, type Labels, METRIC_NAME, unixMs } from '#core'
import { type Latest, latestIn } from '#storage'
import { apiErrorOf } from '../http/api-error.ts'
import type { RawAnswer } from '../http/raw-body.ts'
import { bounded, type Call } from './call.ts'
import { contentTypeOf, type ExpositionFormat, escapeName, negotiateFormat } from './exposition-format.ts'
import { parseMatchers } from './matchers.ts'
import { encodeFamily, type FederatedFamily } from './metric-family.ts'

/** Refusals are text, as Prometheus writes them here. */
export async function federate(
  call: Call,
  accept: string | undefined,
): Promise<Required<RawAnswer> & { body: string | Buffer }> {
  const format = negotiateFormat(accept)
  try {
    const sets = parseMatchers([...new Set(call.params.all('match[]'))])
    const latest = await bounded(call, ({ signal }) => latestOf(call, sets, signal))
    const families = familiesOf(latest, call.deps.plan().externalLabels, format)
    return {
      status: 200,
      headers: { 'content-type': contentTypeOf(format) },
      body: format.kind === 'text' ? families.map(textOf).join('') : Buffer.concat(families.map(encodeFamily)),
    }
  } catch (thrown) {
    const error = apiErrorOf(thrown)
    if (error.type === 'internal') throw thrown
    return {
      status: error.status,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: `${error.message}\n`,
    }
  }
}

async function latestOf(
  { deps }: Call,
  sets: ReturnType<typeof parseMatchers>,
  signal: AbortSignal,
): Promise<readonly Latest[]> {
  const now = deps.clock.now()
  const latest = deps.latest ?? latestIn(deps.store)
  const found = await latest(sets, { start: unixMs(now - deps.lookbackMs + 1), end: now }, signal)
  return found.filter(({ labels }) => labels.name !== '')
}

function familiesOf(
  all: readonly Latest[],
  external: Readonly<Record<string, string>>,
  { kind: form, escaping }: ExpositionFormat,
): readonly FederatedFamily[] {
  const families: FederatedFamily[] = []
  for (const { labels, at, value, histogram } of all) {
    if (histogram !== undefined && (form === 'text' || histogram.schema === CUSTOM_SCHEMA)) continue
    const kind = histogram === undefined ? 'untyped' : histogram.resetHint === 'gauge' ? 'gaugehistogram' : 'histogram'
    const name = escapeName(labels.name, escaping)
    let family = families.at(-1)
    if (family === undefined || family.name !== name || family.kind !== kind)
      families.push((family = { name, kind, samples: [] }))
    const written = Object.fromEntries(
      Object.entries(withExternal(labels, external)).map(([label, one]) => [escapeName(label, escaping), one]),
    )
    family.samples.push({ labels: written, at, value, ...(histogram === undefined ? {} : { histogram }) })
  }
  return families
}

function withExternal(labels: Labels, external: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const own = labels.without(METRIC_NAME).toJSON()
  const added = Object.entries({ instance: '', ...external })
    .filter(([name]) => !labels.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...own, ...Object.fromEntries(added) }
}

function textOf({ name, samples }: FederatedFamily): string {
  const lines = [`# TYPE ${isLegacyName(name) ? name : JSON.stringify(name)} untyped`]
  for (const { labels, at, value } of samples) lines.push(`${formatSeries(name, labels)} ${formatValue(value)} ${at}`)
  return `${lines.join('\n')}\n`
}
