/**
 * What a list of names, values or series costs when it is asked again over a span that moved on, in CPU time: kept
 * (`src/tsdb/read/kept-lists.ts`), while known series get samples; and found anew, as a series comes before each question.
 *
 *     node --conditions=assay-src bench/lists.ts [--series 20000] [--rounds 50]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { type Listing, listBody } from '#storage'
import { openTsdb } from '#tsdb'

const { values: given } = parseArgs({
  options: { series: { type: 'string', default: '20000' }, rounds: { type: 'string', default: '50' } },
})
const SERIES = Number(given.series)
const ROUNDS = Number(given.rounds)
const HOUR = 3600_000
const STEP = 15_000

const dir = await mkdtemp(join(tmpdir(), 'assay-bench-'))
const store = await openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity })
const labelsOf = (n: number) =>
  Labels.of({ __name__: `metric_${n % 200}`, instance: `i-${n % 400}`, number: String(n) })
const known = Array.from({ length: SERIES }, (_, n) => labelsOf(n))
let at = 0
let fresh = SERIES
const scrape = (isOneMore: boolean) => {
  using batch = store.appender()
  at += STEP
  for (const labels of known) batch.append(undefined, labels, unixMs(at), at)
  if (isOneMore) batch.append(undefined, labelsOf(fresh++), unixMs(at), at)
  batch.commit()
}
while (at < HOUR + STEP) scrape(false)

const one = [[matcher('__name__', '=', 'metric_7')]]
const LISTS: Readonly<Record<string, Pick<Listing, 'what' | 'sets'>>> = {
  'names of labels': { what: 'names', sets: [] },
  'values of __name__': { what: { valuesOf: '__name__' }, sets: [] },
  'values, one metric': { what: { valuesOf: 'instance' }, sets: one },
  'series, one metric': { what: 'series', sets: one },
}

/** Milliseconds for each list. */
async function ask(took: Map<string, number>): Promise<void> {
  // What a commit pushed out of the caches is not the first list's to pay.
  using first = store.querier(unixMs(at - HOUR), unixMs(at))
  first.labelValues('number', one[0]!)
  for (const [name, list] of Object.entries(LISTS)) {
    const before = process.cpuUsage()
    using querier = store.querier(unixMs(at - HOUR), unixMs(at))
    const body = await listBody(querier, { ...list, start: at - HOUR, end: at })
    if ([...body.pieces()].length === 0) throw new Error(`${name}: nothing`)
    const { user, system } = process.cpuUsage(before)
    took.set(name, (took.get(name) ?? 0) + (user + system) / 1000)
  }
}

const anew = new Map<string, number>()
const kept = new Map<string, number>()
// The first rounds are for the compiler.
for (let round = -20; round < ROUNDS; round++) {
  scrape(true)
  await ask(round < 0 ? new Map() : anew)
  // Of a list that was just found, the bytes are kept when it is asked for again.
  await ask(new Map())
  scrape(false)
  await ask(round < 0 ? new Map() : kept)
}
for (const name of Object.keys(LISTS))
  console.log(
    `${name.padEnd(20)} found anew ${(anew.get(name)! / ROUNDS).toFixed(3)} ms, kept ${(kept.get(name)! / ROUNDS).toFixed(3)} ms`,
  )
await store[Symbol.asyncDispose]()
await rm(dir, { recursive: true })
