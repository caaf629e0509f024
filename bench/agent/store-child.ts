/**
 * One contender, one measurement, in this process: `store-child.ts scrape|record|memory CONTENDER METRIC SERIES [SHAPE] [FORMAT]`. Sends one
 * message.
 *
 * Time is the clock's, best of many for recording, median for pages. Garbage is what V8 counts as allocated, over many calls: with each look at
 * it V8 counts what is left of the area that it hands out from, some 300 KB, as if it were used.
 */
import { getHeapStatistics } from 'node:v8'
import { median } from './figures.ts'
import {
  type Contender,
  labelsOf,
  type MetricKind,
  make,
  type PageFormat,
  type SeriesLabels,
  uniqueLabelsOf,
} from './store-contenders.ts'

export type ScrapeCost = {
  /** Of the process: its code is not compiled yet. */
  readonly first: number
  /** By compiled code, with nothing kept of a page before. */
  readonly cold: number
  readonly few: Cost
  readonly all: Cost
  readonly bytes: number
}
export type Cost = { readonly milliseconds: number; readonly garbage: number }
export type RecordCost = { readonly known: RecordFigure; readonly labels: RecordFigure }
export type RecordFigure = { readonly nanoseconds: number; readonly garbage: number }
export type MemoryCost = { readonly bytes: number }

const [what, who, kind, count, shape, format] = process.argv.slice(2) as [
  string,
  Contender,
  MetricKind,
  string,
  string,
  PageFormat | undefined,
]
const series = Number(count)
const gc = globalThis.gc ?? (() => {})

if (what === 'scrape') process.send?.(await scrape())
else if (what === 'record') process.send?.(await record())
else process.send?.(await memory())

function labelsFor(index: number): SeriesLabels {
  return shape === 'unique' ? uniqueLabelsOf(index) : labelsOf(index)
}

function allLabels(): readonly SeriesLabels[] {
  return Array.from({ length: series }, (_, i) => labelsFor(i))
}

async function scrape(): Promise<ScrapeCost> {
  const made = await make(who, kind, allLabels(), { format })
  const rounds = series > 20_000 ? 15 : 25
  const change = (every: number): void => {
    for (let i = 0; i < series; i += every) made.recordKnown(i, 1)
  }
  gc()
  const first = await timeOf(() => made.page())
  // Compiled by then, as in a service that has been scraped for a minute.
  for (let i = 0; i < rounds; i++) {
    change(33)
    await made.page()
    await made.coldPage()
  }
  const medianOf = async (page: () => unknown, every: number): Promise<number> => {
    const times: number[] = []
    for (let i = 0; i < rounds; i++) {
      change(every)
      times.push(await timeOf(page))
    }
    return median(times)
  }
  const repeated = async (every: number): Promise<Cost> => {
    const milliseconds = await medianOf(() => made.page(), every)
    const pages = Math.min(2_000, Math.max(10, Math.ceil(500 / milliseconds)))
    const before = allocated()
    for (let i = 0; i < pages; i++) {
      change(every)
      await made.page()
    }
    const between = allocated()
    for (let i = 0; i < pages; i++) change(every)
    const changes = allocated() - between
    return { milliseconds, garbage: Math.max(0, between - before - changes) / pages }
  }
  const cold = await medianOf(() => made.coldPage(), 33)
  return { first, cold, few: await repeated(33), all: await repeated(1), bytes: await made.page() }
}

async function record(): Promise<RecordCost> {
  const labels = allLabels()
  const made = await make(who, kind, labels)
  const indices = Array.from({ length: 1_024 }, (_, i) => (i * 7) % series)
  // A service makes its labels anew for each request, from texts that it has: so does this.
  const given = indices.map((index) => labels[index]!)
  return {
    known: repeat((i) => made.recordKnown(indices[i & 1_023]!, 1)),
    labels: repeat((i) => {
      const { route, method, status } = given[i & 1_023]!
      made.recordLabels({ route, method, status }, 1)
    }),
  }
}

function repeat(call: (i: number) => void): RecordFigure {
  const calls = 200_000
  const times: number[] = []
  const garbage: number[] = []
  for (let round = 0; round < 15; round++) {
    const before = allocated()
    const from = performance.now()
    for (let i = 0; i < calls; i++) call(i)
    times.push(((performance.now() - from) * 1e6) / calls)
    garbage.push((allocated() - before) / calls)
  }
  return { nanoseconds: Math.min(...times), garbage: median(garbage) }
}

/**
 * Recorded by labels, no handle kept: what a service's own code costs that calls `inc(labels)`. Another metric is recorded to before, so that
 * what V8 compiles on the way, 100 KB for any contender, is not told as memory of series; with other labels, as texts may be shared.
 */
async function memory(): Promise<MemoryCost> {
  if (shape !== 'unique') allLabels()
  const made = await make(who, kind, [labelsFor(0)], { most: series + 10 })
  for (let i = 0; i < series; i++) made.recordOther({ ...labelsFor(series + i) }, 1)
  const shared = made.sharedBytes()
  const before = held()
  // A service makes the object for each call, and a path comes with the request: who keeps them pays for them.
  for (let i = 1; i < series; i++) made.recordLabels({ ...labelsFor(i) }, 1)
  return { bytes: (held() - before + made.sharedBytes() - shared) / (series - 1) }
}

function held(): number {
  for (let i = 0; i < 4; i++) gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function timeOf(work: () => unknown): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

function allocated(): number {
  return (getHeapStatistics() as { total_allocated_bytes?: number }).total_allocated_bytes ?? 0
}
