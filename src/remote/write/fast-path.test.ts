/**
 * The law of the fast path: whatever comes, in whatever order, from however many senders, damaged or not, with references that the store
 * forgot or not, series that are known are taken exactly as by a receiver that decodes each request by itself.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  fuzz,
  type Labels,
  ManualClock,
  matcher,
  messageOf,
  type NativeHistogram,
  type Random,
  unixMs,
  writeStale,
} from '#core'
import { MetadataStore, memoryStore, type Store } from '#storage'
import { anyHistogram } from '../histograms.test-support.ts'
import { decodeV1 } from './decode-v1.ts'
import { decodeV2 } from './decode-v2.ts'
import { Decoded } from './decoded.ts'
import { KnownSeries } from './known-series.ts'
import type { WriteVersion } from './negotiate.ts'
import { NOW, requestV1, requestV2, type SentSeries } from './requests.test-support.ts'
import { type Taken, take } from './take.ts'
import { WRITE_LIMITS } from './write-limits.ts'

const HISTOGRAMS = fc.sample(anyHistogram, { numRuns: 20, seed: 7 })
const LIMITS = { ...WRITE_LIMITS, samples: 60, series: 25, labelsPerSeries: 4, labelValueBytes: 40 }

/** A receiver with known series, or without: then it is the simple twin. */
class Side {
  readonly store: Store
  readonly known: KnownSeries | undefined
  readonly exemplars: string[] = []
  readonly metadata = new MetadataStore()
  readonly #decoded = new Decoded()
  #nowMs = 0
  #forgets: (ref: number) => boolean = () => false

  constructor(known?: KnownSeries) {
    this.known = known
    const inner = memoryStore({ maxSeries: 12 })
    this.store = { ...bound(inner), appender: (options) => this.#forgetful(inner.appender(options)) }
  }

  send(version: WriteVersion, bytes: Uint8Array, { laterMs, forgets }: Turn): Taken | string {
    this.#forgets = forgets
    this.#nowMs += laterMs
    const { known } = this
    known?.begin(this.#nowMs)
    this.#decoded.begin(LIMITS)
    try {
      if (version === 'v1') decodeV1(bytes, this.#decoded, known)
      else decodeV2(bytes, this.#decoded, known === undefined ? {} : { known })
    } catch (thrown) {
      return messageOf(thrown)
    }
    const { store, metadata } = this
    const exemplars = {
      append: (series: Labels, one: { readonly labels: Labels; readonly value: number; readonly at: number }) => {
        this.exemplars.push(`${series} ${one.labels} ${one.value} ${one.at}`)
        return one.value < 0 ? 'out-of-order' : undefined
      },
    }
    const deps = { clock: new ManualClock(NOW), store, metadata, exemplars, ...(known === undefined ? {} : { known }) }
    return take(deps, this.#decoded, version)
  }

  /** All that is kept, in words; values by their bits. */
  content(): unknown {
    using querier = this.store.querier(unixMs(-(2 ** 50)), unixMs(2 ** 50))
    const series = querier.select([matcher('__name__', '=~', '.+')]).map((one) => {
      const { timestamps, values, count, starts, histograms } = one.samples()
      const bits = [...new BigUint64Array(values.slice(0, count).buffer)]
      return [
        String(one.labels),
        [...timestamps.slice(0, count)],
        bits,
        starts && [...starts.slice(0, count)],
        histograms,
      ]
    })
    return [series, [...this.metadata], this.exemplars]
  }

  #forgetful(inner: ReturnType<Store['appender']>): ReturnType<Store['appender']> {
    const isGone = (ref: number) => this.#forgets(ref)
    return {
      append: (...args) => inner.append(...args),
      appendHistogram: (...args) => inner.appendHistogram(...args),
      appendStale: (...args) => inner.appendStale(...args),
      appendKnown: (ref, ...rest) => !isGone(ref) && inner.appendKnown(ref, ...rest),
      appendStaleKnown: (ref, at) => !isGone(ref) && inner.appendStaleKnown(ref, at),
      labelsOf: (ref) => (isGone(ref) ? undefined : inner.labelsOf(ref)),
      commit: () => inner.commit(),
      [Symbol.dispose]: () => inner[Symbol.dispose](),
    }
  }
}

type Turn = { readonly laterMs: number; readonly forgets: (ref: number) => boolean }

function bound(store: Store): Store {
  return {
    appender: (options) => store.appender(options),
    querier: (start, end) => store.querier(start, end),
    stats: () => store.stats(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/** A sender: the same series in the same order, with something else now and then. */
function sender({ int, pick }: Random, name: string): () => SentSeries[] {
  const all = Array.from({ length: 1 + int(8) }, (_, i) => [
    '__name__',
    `${name}_${pick(['total', 'bucket', 'ü', 'count'])}`,
    ...(int(3) > 0 ? ['a', `${i}`] : []),
    ...(int(4) > 0 ? ['b', 'x'.repeat(int(45))] : []),
  ])
  let at = NOW - 100_000
  return () => {
    at += int(3) * 1000
    const sent = all.map((labels): SentSeries => oneOf({ int, pick }, labels, at))
    for (let n = int(3); n > 0; n--) {
      const i = int(sent.length)
      const how = int(6)
      if (how === 0) sent.splice(i, 1)
      else if (how === 1) sent.unshift(...sent.splice(i))
      else if (how === 2) sent.splice(i, 0, oneOf({ int, pick }, ['__name__', `${name}_new`, 'n', `${int(9)}`], at))
      else if (how === 3 && sent[i] !== undefined) sent.push(sent[i])
      else if (how === 4 && sent[i] !== undefined) sent[i] = { ...sent[i], labels: sent[i].labels.toReversed() }
      else if (how === 5 && sent[i] !== undefined) sent[i] = { ...sent[i], labels: [...sent[i].labels, 'z', ''] }
    }
    return sent
  }
}

function oneOf({ int, pick }: Pick<Random, 'int' | 'pick'>, labels: readonly string[], at: number): SentSeries {
  const stale = new Float64Array(1)
  writeStale(stale, 0)
  const sample = (i: number) => ({
    at: pick([at + i, at + i, at + i, at, 0, -5, at + 1e9, 2 ** 52, 2 ** 60]),
    value: pick<number | Float64Array>([0, 1, -1.5, Number.NaN, Infinity, stale, int(100)]),
    ...(int(4) === 0 ? { startAt: pick([0, at - 5000, -1]) } : {}),
  })
  const odd = int(8)
  return {
    labels,
    samples: odd === 1 ? [] : Array.from({ length: pick([1, 1, 1, 2, 0]) }, (_, i) => sample(i)),
    ...(odd === 1 || odd === 2 ? { histograms: [{ at, histogram: pick<NativeHistogram>(HISTOGRAMS) }] } : {}),
    ...(odd === 3 ? { exemplars: [{ labels: ['t', `${int(9)}`], value: int(3) - 1, at }] } : {}),
    ...(int(2) === 0 ? { metadata: { type: int(5), help: pick(['', 'Help.', 'More.']), unit: pick(['', 's']) } } : {}),
    ...(odd === 4 ? { createdAt: at - 9000 } : {}),
  }
}

for (const version of ['v1', 'v2', 'both'] as const) {
  test(`known or not, everything is taken the same: ${version}`, () => {
    let byReference = 0
    fuzz((random) => {
      const fast = new Side(new KnownSeries(random.pick([1, 2 ** 20])))
      const slow = new Side()
      const senders = ['one', 'two'].map((name) => sender(random, name))
      for (let n = 0; n < 8; n++) {
        const series = random.pick(senders)()
        const of = version === 'both' ? random.pick(['v1', 'v2'] as const) : version
        const whole = of === 'v1' ? requestV1(series) : requestV2(series, { symbolsLast: random.int(2) === 0 })
        const bytes = random.int(4) === 0 ? random.damage(whole) : whole
        const gone = random.int(4)
        const turn = {
          laterMs: random.pick([0, 15_000, 400_000]),
          forgets: (ref: number) => {
            if (gone !== 0 || ref % 2 === 0) byReference++
            return gone === 0 && ref % 2 === 1
          },
        }
        assert.deepEqual(fast.send(of, bytes, turn), slow.send(of, bytes, turn))
      }
      assert.deepEqual(fast.content(), slow.content())
    }, 400)
    // Else the law would hold because nothing ever took the fast path.
    assert.ok(byReference > 400, `${byReference} samples by reference`)
  })
}

test('series are known across versions, and by bytes alone: other labels of the same length are others', () => {
  const side = new Side(new KnownSeries())
  const turn = { laterMs: 0, forgets: () => false }
  const series = (name: string, i: number): SentSeries => ({
    labels: ['__name__', name, 'a', '1'],
    samples: [{ at: NOW + i, value: i }],
  })
  side.send('v1', requestV1([series('one', 0), series('two', 0)]), turn)
  assert.equal(side.known?.size, 2)
  side.send('v2', requestV2([series('one', 1), series('two', 1)]), turn)
  assert.equal(side.known?.size, 2)
  side.send('v1', requestV1([series('one', 2), series('six', 2)]), turn)
  assert.equal(side.known?.size, 3)
  assert.equal(side.store.stats().samples, 6)
})
