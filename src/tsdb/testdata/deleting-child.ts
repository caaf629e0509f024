/**
 * Writes, deletes, cleans, copies and moves samples in a store until it is killed: `deleting-child.ts DIR SEED`. Says `will` with each step
 * before it and `did` after it, for an append with what was taken.
 */
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { openTsdb } from '../index.ts'

const [dir = '', seed = '0'] = process.argv.slice(2)
let state = Number(seed) + 1
const random = (below: number) => {
  state = (state * 48_271) % 2_147_483_647
  return state % below
}
const say = (line: string) => process.stdout.write(`${line}\n`)

const store = await openTsdb({
  dir,
  clock: new ManualClock(),
  log: silentLog,
  maxAheadMs: Infinity,
  blockMs: 100_000,
  outOfOrderWindowMs: 1e9,
})
say('open')
for (let n = 0; ; n++) {
  const kind = random(12)
  if (kind < 6) {
    const samples = Array.from({ length: 20 }, () => ({
      i: random(4),
      at: random(60) * 10_000,
      value: Number(seed) * 1e6 + n,
    }))
    say(`will ${JSON.stringify({ do: 'append', samples })}`)
    const taken = samples.map(({ i, at, value }) => {
      using batch = store.appender()
      batch.append(undefined, Labels.of({ __name__: 'm', i: `${i}` }), unixMs(at), value)
      return batch.commit().appended
    })
    say(`did ${JSON.stringify(taken)}`)
    continue
  } else if (kind < 9) {
    const [a, b] = [random(60) * 10_000, random(60) * 10_000]
    const step = { do: 'delete', i: random(4), start: Math.min(a, b), end: Math.max(a, b) }
    say(`will ${JSON.stringify(step)}`)
    await store.deleteSeries({ sets: [[matcher('i', '=', `${step.i}`)]], start: step.start, end: step.end })
  } else {
    say(`will ${JSON.stringify({ do: 'nothing' })}`)
    if (kind === 9) await store.cleanTombstones()
    else if (kind === 10) await store.upkeep()
    else if (random(3) > 0) await store.flush()
    else await store.snapshot()
  }
  say('did')
}
