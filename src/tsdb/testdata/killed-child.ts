/**
 * Does to a store all that can be done to one, until it is killed: `killed-child.ts FOLDER SEED FIRST`. The store is FOLDER/data, its backup
 * FOLDER/backup, what is restored of it FOLDER/back-N. `FIRST` is the number of the first batch.
 *
 * A line `will {...}` with each step before it, and a line `did {...}` after it, with what was acknowledged. Every sample has an instant
 * of its own, so every one has to be taken.
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { sampleHistogram } from '#storage'
import { openDataDir, openLocalBackup, openTsdb, restoreBackup, writeBackup } from '../index.ts'

const [folder = '', seed = '0', first = '0'] = process.argv.slice(2)
const never = new AbortController().signal
let state = (Number(seed) % 2_147_483_646) + 1
const random = (below: number) => {
  state = (state * 48_271) % 2_147_483_647
  return state % below
}
const say = (what: string, value: object = {}) => writeSync(1, `${what} ${JSON.stringify(value)}\n`)
const series = (i: number) => Labels.of({ __name__: `m${i % 3}`, x: i % 4 === 0 ? '' : `${i % 4}`, i: `${i}` })

const directory = await openDataDir(join(folder, 'data'))
const open = () =>
  openTsdb({
    dir: directory,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100_000,
    walSegmentBytes: 4096,
    checkpointBytes: 3000,
    outOfOrderWindowMs: 1e9,
    maxLateSamples: 60,
  })
let store = await open()

function append(n: number): void {
  const entries = Array.from({ length: 10 }, (_, i) => ({
    series: i,
    at: i < 8 || n < 40 ? n * 5000 : (n - 3 - random(30)) * 5000 + 1 + (n % 4000),
    ...(i < 6 ? { value: n * 10 + i } : { histogram: [n, 1, i] }),
    startAt: i % 3 === 0 ? 1 + Math.floor(n / 50) : 0,
  }))
  say('will', { do: 'append', n, entries })
  using batch = store.appender()
  for (const { series: i, at, value, histogram, startAt } of entries as (typeof entries[number] & { value?: number; histogram?: number[] })[]) {
    if (histogram !== undefined) batch.appendHistogram(undefined, series(i), unixMs(at), sampleHistogram(histogram), startAt)
    else batch.append(undefined, series(i), unixMs(at), value!, startAt)
  }
  say('did', { appended: batch.commit().appended })
  if (random(6) > 0) return
  const i = random(6)
  say('will', { do: 'end', series: i, at: n * 5000 + 1 })
  using marker = store.appender()
  marker.appendStale(undefined, series(i), unixMs(n * 5000 + 1))
  say('did', { appended: marker.commit().appended })
}

async function work(n: number): Promise<void> {
  const kind = random(10)
  if (kind < 3) {
    const i = random(11)
    const start = (n - random(120)) * 5000
    const step = { do: 'delete', i: i === 10 ? '' : `${i}`, start, end: start + random(60) * 5000 }
    say('will', step)
    const set = step.i === '' ? [] : [matcher('i', '=', step.i)]
    await store.deleteSeries({ sets: [set], start, end: step.end })
  } else if (kind === 3) {
    say('will', { do: 'snapshot' })
    const { name } = await store.snapshot()
    say('did', { snapshot: name })
    return
  } else if (kind === 4) {
    say('will', { do: 'backup' })
    await using source = await openLocalBackup({ store, directory, at: 0, copyState: async () => undefined })
    await writeBackup(source, join(folder, 'backup'), {}, never)
    say('did', { backup: true })
    return
  } else if (kind === 5) {
    const name = `back-${n}`
    say('will', { do: 'restore', name })
    const from = join(folder, 'backup')
    // Refused where there is no backup yet.
    const restored = await restoreBackup({ from, dir: join(folder, name), log: silentLog }, never).then(
      () => name,
      () => undefined,
    )
    say('did', { restored })
    return
  } else {
    say('will', { do: 'upkeep' })
    if (kind === 6) await store.cleanTombstones()
    else if (kind === 7) await store.upkeep()
    else if (kind === 8) await store.flush()
    else {
      await store[Symbol.asyncDispose]()
      store = await open()
    }
  }
  say('did')
}

for (let n = Number(first); ; n++) {
  append(n)
  // Upkeep that is due runs beside.
  await new Promise((resolve) => setImmediate(resolve))
  if (random(3) === 0) await work(n)
}
