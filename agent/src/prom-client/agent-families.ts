/**
 * The agent's own series, as they are at this moment: read as another thread would read them, so that any family can be told, whoever
 * records it.
 */
import { delayFigures } from '../runtime/loop-delays.ts'
import { processFigures } from '../runtime/process-figures.ts'
import { type FamilyView, isAbsent, SERIES, Store, StoreReader, unformatLabels } from '../store/index.ts'
import { type BucketCounts, bucketsAt } from './bucket-counts.ts'
import { agent } from './home.ts'

export type AgentSeries = { readonly labels: Readonly<Record<string, string>> } & (
  | { readonly value: number }
  | { readonly buckets: BucketCounts; readonly bounds: Float64Array }
)

export type AgentFamily = {
  readonly help: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly series: readonly AgentSeries[]
}

/** One store and how its gauges are brought up to date. */
type Source = { readonly reader: StoreReader; readonly collect: () => Promise<unknown> }

let sources: readonly Source[] | undefined
let refreshing: Promise<readonly StoreReader[]> | undefined

/** The family of that name after the gauges were brought up to date; several questions at once share one round. */
export async function agentFamily(name: string): Promise<AgentFamily | undefined> {
  refreshing ??= refresh().finally(() => {
    refreshing = undefined
  })
  for (const reader of await refreshing) {
    const family = reader.families.find((one) => one.record.name === name)
    if (family !== undefined && family.count > 0) return tell(reader, family)
  }
  return undefined
}

function tell(reader: StoreReader, view: FamilyView): AgentFamily | undefined {
  const { doubles, words } = reader
  const { record, scale } = view
  const { kind, help } = record
  // A registry asks for the agent's own figures: none of them is a summary.
  if (kind === 'summary') return undefined
  const series: AgentSeries[] = []
  for (let i = 0; i < view.count; i++) {
    const place = view.series[i * SERIES.size]!
    if (kind === 'gauge' && isAbsent(words, place)) continue
    const pairs = Object.fromEntries(unformatLabels(reader.labels(view, i)))
    if (kind === 'histogram') {
      series.push({ labels: pairs, buckets: bucketsAt(place, scale, doubles, words), bounds: scale.bounds })
    } else series.push({ labels: pairs, value: doubles[place]! })
  }
  return { kind, help, series }
}

async function refresh(): Promise<readonly StoreReader[]> {
  sources ??= openSources()
  await Promise.all(sources.map(({ collect }) => collect()))
  return sources.map(({ reader }) => {
    reader.read(reader.doubles)
    return reader
  })
}

/** The agent's store, and one for the figures of the process, which the agent may have left to its exposition thread. */
function openSources(): readonly Source[] {
  const ofProcess = new Store()
  const readProcess = processFigures(ofProcess, () => {})
  const delays = agent()?.delays
  // The thread that serves the pages has the histograms take turns.
  const readDelays = delays === undefined ? undefined : delayFigures(ofProcess, () => {}, delays, false)
  const collectProcess = (): Promise<unknown> => Promise.all([readProcess(), readDelays?.()])
  const process = { reader: new StoreReader(ofProcess.shared), collect: collectProcess }
  const store = agent()?.store
  if (store === undefined) return [process]
  const collect = (): Promise<unknown> => Promise.allSettled(store.collectors.map(async (one) => await one()))
  return [{ reader: new StoreReader(store.shared), collect }, process]
}
