/**
 * What it costs to write an answer as JSON, in CPU time a point: as bytes, and as joined strings (the twin in its test).
 *
 *     node --expose-gc --conditions=assay-src bench/render.ts [--series 10000] [--points 60]
 *
 * Values are of four kinds in turn: counters, thousandths, full doubles (what `rate` gives), values that stay. Then an instant answer, a
 * sample for each series. The last line is of label sets alone: such as were never written, and the same again (`kept-labels.ts`).
 */
import { parseArgs } from 'node:util'
import { Labels, type QueryAnswer, renderAnswer, renderLabelSets, unixMs } from '#core'
import { answerText } from '../src/core/answer/render-text.test-support.ts'

const { values: given } = parseArgs({
  options: { series: { type: 'string', default: '10000' }, points: { type: 'string', default: '60' } },
})
const seriesCount = Number(given.series)
const points = Number(given.points)
const start = Date.UTC(2026, 0, 5)
const ROUNDS = 5

let seed = 1
function random(): number {
  seed = (seed * 16_807) % 2_147_483_647
  return seed / 2_147_483_647
}

const KINDS: Readonly<Record<string, () => () => number>> = {
  counter: () => {
    let total = Math.floor(random() * 1e6)
    return () => (total += Math.floor(random() * 50))
  },
  thousandths: () => () => Math.round(random() * 1e6) / 1e3,
  double: () => () => random() * 100,
  constant: () => {
    const value = random() * 100
    return () => value
  },
}

const labelsOf = (i: number) =>
  Labels.of({
    __name__: 'http_request_duration_seconds_bucket',
    code: '200',
    handler: `/api/v1/orders/${i % 40}`,
    instance: `10.0.${i % 20}.${i % 250}:9100`,
    job: 'api',
    le: String((i % 12) / 8),
    method: 'GET',
  })
const NOTES = { warnings: [], infos: [] }

function matrixOf(kinds: readonly string[]): QueryAnswer {
  const timestamps = Float64Array.from({ length: points }, (_, i) => start + i * 60_000)
  const series = Array.from({ length: seriesCount }, (_, i) => {
    const next = KINDS[kinds[i % kinds.length]!]!()
    return { labels: labelsOf(i), timestamps: timestamps.slice(), values: Float64Array.from(timestamps, next) }
  })
  return { kind: 'matrix', series, ...NOTES }
}

function vectorOf(): QueryAnswer {
  const nexts = Object.values(KINDS).map((kind) => kind())
  const samples = Array.from({ length: seriesCount }, (_, i) => ({
    labels: labelsOf(i),
    at: unixMs(start),
    value: nexts[i % nexts.length]!(),
  }))
  return { kind: 'vector', samples, ...NOTES }
}

/** Median CPU of the rounds, nanoseconds. */
function nanosecondsOf(work: () => void): number {
  const took: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    globalThis.gc?.()
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    took.push((user + system) * 1000)
  }
  return took.sort((a, b) => a - b)[ROUNDS >> 1]!
}

let bytes = 0
const asBytes = (answer: QueryAnswer) => {
  bytes = 0
  for (const piece of renderAnswer(answer).pieces()) bytes += piece.length
}
const asText = (answer: QueryAnswer) => void Buffer.from(answerText(answer))

const show = (name: string, answer: QueryAnswer, count: number) => {
  const text = nanosecondsOf(() => asText(answer)) / count
  const fast = nanosecondsOf(() => asBytes(answer)) / count
  console.log(
    `${name.padEnd(12)} ${(bytes / 2 ** 20).toFixed(1)} MiB: text ${text.toFixed(0)} ns, bytes ${fast.toFixed(0)} ns a point (${(text / fast).toFixed(1)} times)`,
  )
}
for (const kind of Object.keys(KINDS)) show(kind, matrixOf([kind]), seriesCount * points)
show('all', matrixOf(Object.keys(KINDS)), seriesCount * points)
show('instant', vectorOf(), seriesCount)

const setsOf = () => Array.from({ length: seriesCount }, (_, i) => labelsOf(i))
const listed = (sets: readonly Labels[]) => {
  for (const piece of renderLabelSets(sets).pieces()) bytes += piece.length
}
const known = setsOf()
for (let i = 0; i < 10; i++) listed(known)
const fresh = Array.from({ length: ROUNDS }, setsOf)
const once = nanosecondsOf(() => listed(fresh.pop()!)) / seriesCount
const again = nanosecondsOf(() => listed(known)) / seriesCount
console.log(`label sets   never written ${once.toFixed(0)} ns, again ${again.toFixed(0)} ns a set`)
