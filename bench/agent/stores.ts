/**
 * What keeping and telling numbers costs: a page of many series, recording, memory. Every contender in a process of its own, in turn.
 *
 * - A page: 1,000 to 100,000 series of three labels (500 routes x 4 methods x 5 statuses, then more routes); counters, or as many lines of
 *   histograms with 14 buckets. First: of the process, its code not yet compiled. Cold: by compiled code, with nothing kept of a page before.
 *   Few: three series in a hundred have changed since. All: every one. On the thread that asks, without the time to send it.
 * - Recording: into one of 1,000 series in turn, known (a kept child, slot or attributes) or by an object of three labels made anew.
 * - Memory: of 10,000 series recorded by labels, of the shape above and with one label that runs wild; heap, buffers, shared memory.
 */
import { runChild } from './child.ts'
import { inTurn, median, short, table } from './figures.ts'
import type { MemoryCost, RecordCost, ScrapeCost } from './store-child.ts'
import { CONTENDERS, type Contender, METRICS, type MetricKind, type PageFormat } from './store-contenders.ts'

const LINES = { quick: [10_000], full: [1_000, 10_000, 100_000] } as const
const LINES_OF_HISTOGRAM = 17

export type ScrapeFigures = ScrapeCost & {
  readonly who: Contender
  readonly kind: MetricKind
  readonly lines: number
}
export type RecordFigures = RecordCost & { readonly who: Contender; readonly kind: MetricKind }
export type MemoryFigures = MemoryCost & { readonly who: Contender; readonly kind: MetricKind; readonly shape: string }

export type StoreOptions = {
  readonly isFull: boolean
  /** Pages of so many lines alone. */
  readonly lines?: number | undefined
  /** Those alone. */
  readonly by?: readonly Contender[] | undefined
  /** Of the agent's pages. */
  readonly format?: PageFormat | undefined
}

export async function measureScrapes({
  isFull,
  lines: only,
  by,
  format = 'text',
}: StoreOptions): Promise<ScrapeFigures[]> {
  const figures: ScrapeFigures[] = []
  for (const kind of METRICS) {
    for (const lines of only === undefined ? LINES[isFull ? 'full' : 'quick'] : [only]) {
      const series = kind === 'counter' ? lines : Math.ceil(lines / LINES_OF_HISTOGRAM)
      const runs = await runInTurn<ScrapeCost>(by, isFull ? 5 : 2, ['scrape', kind, String(series), '', format])
      for (const [who, costs] of runs) {
        const of = (part: 'few' | 'all'): ScrapeCost['few'] => ({
          milliseconds: median(costs.map((cost) => cost[part].milliseconds)),
          garbage: median(costs.map((cost) => cost[part].garbage)),
        })
        const [first, cold] = [median(costs.map((cost) => cost.first)), median(costs.map((cost) => cost.cold))]
        figures.push({ who, kind, lines, first, cold, few: of('few'), all: of('all'), bytes: costs[0]!.bytes })
      }
    }
  }
  return figures
}

export async function measureRecording({ isFull, by }: StoreOptions): Promise<RecordFigures[]> {
  const figures: RecordFigures[] = []
  for (const kind of METRICS) {
    const runs = await runInTurn<RecordCost>(by, isFull ? 7 : 2, ['record', kind, '1000'])
    for (const [who, costs] of runs) {
      const of = (part: 'known' | 'labels'): RecordCost['known'] => ({
        nanoseconds: Math.min(...costs.map((cost) => cost[part].nanoseconds)),
        garbage: median(costs.map((cost) => cost[part].garbage)),
      })
      figures.push({ who, kind, known: of('known'), labels: of('labels') })
    }
  }
  return figures
}

export async function measureMemory({ isFull, by }: StoreOptions): Promise<MemoryFigures[]> {
  const figures: MemoryFigures[] = []
  for (const kind of METRICS) {
    for (const shape of ['500 x 4 x 5', 'unique']) {
      const runs = await runInTurn<MemoryCost>(by, isFull ? 3 : 1, ['memory', kind, '10000', shape])
      for (const [who, costs] of runs)
        figures.push({ who, kind, shape, bytes: median(costs.map(({ bytes }) => bytes)) })
    }
  }
  return figures
}

async function runInTurn<T>(
  by: readonly Contender[] = CONTENDERS,
  rounds: number,
  [what, ...rest]: readonly string[],
): Promise<Map<Contender, T[]>> {
  const runs = new Map<Contender, T[]>(by.map((who) => [who, []]))
  for (let round = 0; round < rounds; round++) {
    for (const who of inTurn(by, round)) {
      runs.get(who)!.push(await runChild<T>('./store-child.ts', [what ?? '', who, ...rest]))
    }
  }
  return runs
}

export function tellScrapes(figures: readonly ScrapeFigures[]): string {
  const bytes = (value: number): string =>
    value >= 2 ** 20 ? `${short(value / 2 ** 20)} MiB` : `${short(value / 1_024)} KiB`
  return table(
    ['lines', 'of', 'by', 'first, ms', 'cold, ms', 'few changed, ms', 'garbage', 'all changed, ms', 'garbage'],
    figures.map(({ lines, kind, who, first, cold, few, all }) => [
      lines.toLocaleString('en-US'),
      `${kind}s`,
      who,
      short(first),
      short(cold),
      short(few.milliseconds),
      bytes(few.garbage),
      short(all.milliseconds),
      bytes(all.garbage),
    ]),
  )
}

export function tellRecording(figures: readonly RecordFigures[]): string {
  return table(
    ['metric', 'by', 'series known, ns', 'garbage, B', 'by labels, ns', 'garbage, B'],
    figures.map(({ kind, who, known, labels }) => [
      kind,
      who,
      short(known.nanoseconds),
      known.garbage.toFixed(0),
      short(labels.nanoseconds),
      labels.garbage.toFixed(0),
    ]),
  )
}

export function tellMemory(figures: readonly MemoryFigures[]): string {
  return table(
    ['metric', 'by', 'shape', 'bytes a series'],
    figures.map(({ kind, who, shape, bytes }) => [kind, who, shape, short(bytes)]),
  )
}
