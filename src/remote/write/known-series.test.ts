import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz, type Random } from '#core'
import type { SeriesRef } from '#storage'
import { hashOf, IDLE_MS, KnownSeries, MAX_KEY_BYTES, SEGMENT_BYTES } from './known-series.ts'

const viewOf = (key: Buffer) => new DataView(key.buffer, key.byteOffset, key.length)
const keyOf = (i: number, bytes = 100) => Buffer.from(`${i}`.padEnd(bytes, '.'))

/** The entry of a key, made when there is none; 0: no room. */
function take(known: KnownSeries, key: Buffer): { entry: number; how: 'guessed' | 'found' | 'added' | 'refused' } {
  const view = viewOf(key)
  const guessed = known.guess(view, 0, key.length)
  if (guessed !== 0 && known.lengthOf(guessed) === key.length) return { entry: guessed, how: 'guessed' }
  const hash = hashOf(view, 0, key.length)
  const found = known.find(view, 0, key.length, hash)
  if (found !== 0) return { entry: found, how: 'found' }
  const entry = known.add(view, 0, key.length, { hash, labels: 3 })
  return { entry, how: entry === 0 ? 'refused' : 'added' }
}

test('an entry is that of its bytes, whatever is swept, and what a request used stays while it runs', () => {
  let forgotten = 0
  fuzz(({ int, pick }: Random) => {
    const known = new KnownSeries(2 * SEGMENT_BYTES)
    const keys = Array.from({ length: 60 }, (_, i) => keyOf(i, pick([20, 500, 4000, MAX_KEY_BYTES])))
    /** What a simple map would hold: the reference of each key, if it is known at all. */
    const refs = new Map<number, number>()
    let now = 0
    for (let request = 0; request < 30; request++) {
      now += pick([0, 15_000, IDLE_MS / 2, IDLE_MS])
      known.begin(now)
      const used: (readonly [entry: number, which: number])[] = []
      const from = int(keys.length)
      for (let n = int(20); n > 0; n--) {
        const which = (from + n + int(2)) % keys.length
        const { entry, how } = take(known, keys[which]!)
        if (how === 'refused') continue
        if (how === 'added') {
          assert.equal(known.refOf(entry), 0)
          const ref = 1 + int(1e9)
          known.setRef(entry, ref as SeriesRef)
          refs.set(which, ref)
        }
        used.push([entry, which])
        for (const [one, key] of used) {
          assert.ok(keys[key]!.equals(known.keyOf(one)))
          assert.equal(known.refOf(one), refs.get(key))
          assert.equal(known.labelsOf(one), 3)
        }
      }
    }
    forgotten += known.forgotten
  }, 100)
  assert.ok(forgotten > 100, `${forgotten} were forgotten`)
})

test('what is sent again in the same order is found by the guess alone', () => {
  const known = new KnownSeries()
  const hows = (from: number, to: number) => {
    known.begin(0)
    return Array.from({ length: to - from }, (_, i) => take(known, keyOf(from + i)).how)
  }
  hows(0, 100)
  hows(0, 100)
  assert.deepEqual(new Set(hows(0, 100)), new Set(['guessed']))
  // Another sender in between costs one look-up each time.
  hows(500, 600)
  assert.deepEqual(hows(500, 600).filter((how) => how !== 'guessed').length, 1)
  assert.deepEqual(hows(0, 100).filter((how) => how !== 'guessed').length, 1)
})

test('memory stays within its bound, and a crowd that is too large does not push itself out in turn', () => {
  const known = new KnownSeries(4 * SEGMENT_BYTES)
  const count = 10_000
  const round = () => {
    let hits = 0
    for (let i = 0; i < count; i++) {
      const { how } = take(known, keyOf(i))
      if (how === 'guessed' || how === 'found') hits++
    }
    return hits
  }
  for (let now = 0; now < 5 * IDLE_MS; now += 60_000) {
    known.begin(now)
    const hits = round()
    assert.ok(now === 0 || hits > 2000, `${hits} of ${count} are known after ${now} ms`)
  }
  assert.ok(known.bytes < 4 * SEGMENT_BYTES + 10_000 * 60, `${known.bytes} bytes`)
  assert.ok(known.refused > 0)
  assert.equal(known.forgotten, 0)
})

test('series that end make room for those that begin', () => {
  const known = new KnownSeries(4 * SEGMENT_BYTES)
  let refused = 0
  // 200 series live at a time; each minute a tenth of them is renamed.
  for (let minute = 0; minute < 500; minute++) {
    known.begin(minute * 60_000)
    for (let i = 0; i < 200; i++) if (take(known, keyOf(minute * 20 + i)).how === 'refused') refused++
  }
  assert.equal(refused, 0)
  assert.ok(known.forgotten > 5000 && known.size < 2500, `${known.forgotten} forgotten, ${known.size} known`)
})

test('labels that are too long, or collide on purpose, are not kept', () => {
  const known = new KnownSeries()
  known.begin(0)
  assert.equal(take(known, keyOf(1, MAX_KEY_BYTES + 1)).how, 'refused')
  const added = Array.from({ length: 100 }, (_, i) => {
    const key = keyOf(i)
    return known.add(viewOf(key), 0, key.length, { hash: 42, labels: 1 }) !== 0
  })
  assert.equal(added.filter(Boolean).length, 16)
  assert.equal(known.refused, 85)
})
