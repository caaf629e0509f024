/** Appends batches of floats, one histogram and two late samples from the given number on, a line with its number after each commit, until it is killed. Blocks are short, so that kills hit their writing too. */
import { writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { Labels, ManualClock, silentLog, unixMs } from '#core'
import { sampleHistogram } from '#storage'
import { openTsdb } from '../index.ts'

const [dir = '', first = '0'] = process.argv.slice(2)
await using store = await openTsdb({
  dir,
  clock: new ManualClock(),
  log: silentLog,
  maxAheadMs: Infinity,
  blockMs: 100_000,
  checkpointBytes: 5000,
  walSegmentBytes: 4096,
  outOfOrderWindowMs: Infinity,
  maxLateSamples: 200,
})
for (let n = Number(first); ; n++) {
  using batch = store.appender()
  for (let i = 0; i < 9; i++) {
    batch.append(undefined, Labels.of({ __name__: 'm', i: `${i}` }), unixMs(n * 1000), n * 10 + i)
  }
  const labels = Labels.of({ __name__: 'm', i: '9' })
  batch.appendHistogram(undefined, labels, unixMs(n * 1000), sampleHistogram([n, 1]), 1 + Math.floor(n / 100))
  // Fours of samples come backwards, and what lies in blocks long since gets one more.
  batch.append(undefined, Labels.of({ __name__: 'late', i: '0' }), unixMs((n ^ 3) * 1000), n)
  const past = Labels.of({ __name__: 'late', i: '1' })
  batch.appendHistogram(undefined, past, unixMs(n * 1000 - 250_500), sampleHistogram([n, 1]))
  batch.commit()
  writeSync(1, `${n}\n`)
  await setImmediate()
}
