/**
 * What a start costs after the process was killed: the log read from its beginning, and from a checkpoint on.
 *
 *     node --conditions=assay-src bench/replay.ts [--series 20000] [--rounds 500]
 *
 * Each start is a process of its own. Time and CPU are those of opening the store alone; CPU is that of the whole process.
 */
import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Labels, ManualClock, silentLog, unixMs } from '#core'
import type { SeriesRef } from '#storage'
import { openTsdb } from '#tsdb'

const { values: given } = parseArgs({
  options: {
    series: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '500' },
    open: { type: 'string' },
  },
})
const options = { clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity }
const BATCH = 1000

if (given.open === undefined) {
  const dir = await mkdtemp(join(tmpdir(), 'assay-bench-replay-'))
  try {
    await run(dir, Number(given.series), Number(given.rounds))
  } finally {
    await rm(dir, { recursive: true })
  }
} else {
  const began = performance.now()
  const before = process.cpuUsage()
  await using store = await openTsdb({ dir: given.open, ...options, checkpointBytes: Infinity })
  const { user, system } = process.cpuUsage(before)
  const { series, samples } = store.stats()
  const ms = Math.round(performance.now() - began)
  process.stdout.write(
    `${samples} samples of ${series} series: ${ms} ms, ${Math.round((user + system) / 1000)} ms of CPU\n`,
  )
}

async function run(dir: string, series: number, rounds: number): Promise<void> {
  const [live, whole, checked] = [join(dir, 'live'), join(dir, 'whole'), join(dir, 'checked')]
  await using store = await openTsdb({ dir: live, ...options, checkpointBytes: Infinity })
  fill(store, series, rounds)
  const copy = (to: string) => cpSync(live, to, { recursive: true, filter: (name) => !name.endsWith('/lock') })
  copy(whole)
  copy(checked)
  {
    // Opened and closed: what a checkpoint costs is in here, what it saves below.
    await using one = await openTsdb({ dir: checked, ...options })
    await one.upkeep()
  }
  for (const [what, from] of [
    ['the whole log', whole],
    ['a checkpoint', checked],
  ] as const) {
    const args = [
      '--conditions=assay-src',
      '--disable-warning=ExperimentalWarning',
      import.meta.filename,
      '--open',
      from,
    ]
    process.stdout.write(`${what}: ${spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout}`)
  }
}

/** Four in ten are constant, four are counters, two have fractions: as services have them, about. */
function fill(store: Awaited<ReturnType<typeof openTsdb>>, series: number, rounds: number): void {
  const labels = Array.from({ length: series }, (_, i) =>
    Labels.of({
      __name__: `metric_${i % 100}_total`,
      job: i % 2 === 0 ? 'api' : 'node',
      instance: `10.0.0.${Math.floor(i / 500)}:9100`,
      handler: `/api/v1/handler/${i % 37}`,
      code: `${200 + (i % 5)}`,
      i: `${i}`,
    }),
  )
  const refs: (SeriesRef | undefined)[] = new Array(series)
  const values = new Float64Array(series)
  let seed = 1
  const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32
  for (let round = 0; round < rounds; round++) {
    for (let from = 0; from < series; from += BATCH) {
      using batch = store.appender()
      for (let i = from; i < Math.min(series, from + BATCH); i++) {
        if (i % 10 >= 8) values[i] = Math.round(random() * 1e6) / 1000
        else if (i % 10 >= 4) values[i]! += Math.floor(random() * 300)
        refs[i] = batch.append(refs[i], labels[i]!, unixMs(1.7e12 + round * 15_000 + from), values[i]!)
      }
      batch.commit()
    }
  }
}
