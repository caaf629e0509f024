import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, type Matcher, matcher, unixMs } from '#core'
import { compareLabels } from './compare-labels.ts'
import { type Exemplar, ExemplarStore } from './exemplars.ts'

const series = (i: number) => Labels.of({ __name__: 'm', i: `${i}` })
const of = (at: number, value = 1, trace = 'a'): Exemplar => ({ labels: Labels.of({ trace }), value, at: unixMs(at) })
const everything: readonly (readonly Matcher[])[] = [[matcher('__name__', '=', 'm')]]
const all = (store: ExemplarStore) =>
  store
    .select(everything, unixMs(-1e12), unixMs(1e12))
    .map(({ labels, exemplars }) => [labels.get('i'), ...exemplars.map(({ at, value }) => [at, value])])

test('the same as the last one of its series is taken silently, an earlier one is refused', () => {
  const store = new ExemplarStore()
  const cases: readonly (readonly [why: string, Exemplar, string | undefined, count: number])[] = [
    ['the first', of(10, 5, 'b'), undefined, 1],
    ['the same', of(10, 5, 'b'), undefined, 1],
    ['earlier', of(9, 6), 'out-of-order', 1],
    ['at once, less', of(10, 4), 'out-of-order', 1],
    ['at once, the same value, labels before', of(10, 5, 'a'), 'out-of-order', 1],
    ['at once, the same value, labels behind', of(10, 5, 'c'), undefined, 2],
    ['at once, more', of(10, 6, 'a'), undefined, 3],
    ['the same as one that is not the last', of(10, 5, 'b'), 'out-of-order', 3],
    ['the same value later', of(11, 6, 'a'), undefined, 4],
    ['no instant', { ...of(1), at: Number.NaN as Exemplar['at'] }, 'no-instant', 4],
  ]
  for (const [why, exemplar, rejection, count] of cases) {
    assert.equal(store.append(series(1), exemplar), rejection, why)
    assert.equal(store.count, count, why)
  }
  assert.equal(store.append(series(2), of(1)), undefined, 'another series has its own order')
})

test('an exemplar without an instant of its own is the same at every scrape, until it is another', () => {
  const store = new ExemplarStore()
  for (const at of [1, 2, 3]) store.append(series(1), { ...of(at), isUntimed: true })
  store.append(series(1), { ...of(4, 2), isUntimed: true })
  store.append(series(1), of(5, 2))
  assert.deepEqual(all(store), [['1', [1, 1], [4, 2], [5, 2]]])
})

test('label sets up to 128 characters are taken, however many bytes they have', () => {
  const store = new ExemplarStore()
  const texts: readonly (readonly [string, string | undefined])[] = [
    ['x'.repeat(127), undefined],
    ['x'.repeat(128), 'labels-too-long'],
    ['é'.repeat(127), undefined],
    ['\u{1f600}'.repeat(127), undefined],
    ['\u{1f600}'.repeat(128), 'labels-too-long'],
    ['x'.repeat(1_000_000), 'labels-too-long'],
  ]
  for (const [i, [text, rejection]] of texts.entries()) {
    assert.equal(store.append(series(i), { ...of(1), labels: Labels.of({ t: text }) }), rejection, text.slice(0, 5))
  }
})

test('a span is inclusive at both ends, and one of several matcher sets is enough', () => {
  const store = new ExemplarStore()
  for (const i of [2, 1, 3]) for (const at of [10, 20, 30]) store.append(series(i), of(at))
  const is = (i: number) => [matcher('i', '=', `${i}`)]
  const ask = (sets: readonly (readonly Matcher[])[], start: number, end: number) =>
    store
      .select(sets, unixMs(start), unixMs(end))
      .map(({ labels, exemplars }) => [labels.get('i'), ...exemplars.map(({ at }) => at)])
  assert.deepEqual(ask([is(3), is(1), is(1)], 10, 20), [
    ['1', 10, 20],
    ['3', 10, 20],
  ])
  assert.deepEqual(ask([is(1)], 31, 40), [])
  assert.deepEqual(ask([is(1)], 11, 19), [])
  assert.deepEqual(ask([], 0, 100), [])
})

test('labels that are no well-formed text are one series all the same', () => {
  const store = new ExemplarStore({ capacity: 2 })
  const broken = Labels.of({ __name__: 'm', i: '\ud800' })
  for (const at of [1, 2, 3, 4]) store.append(broken, of(at))
  store.append(series(1), of(5))
  store.append(series(1), of(6))
  assert.deepEqual([store.count, store.seriesCount], [2, 1])
})

test('any appends and resizes leave what a plain list would', () => {
  const command = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({ i: fc.nat(4), at: fc.nat(20), value: fc.nat(2), trace: fc.constantFrom('a', 'b') }),
    },
    { weight: 1, arbitrary: fc.record({ capacity: fc.nat(8) }) },
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 100 }), (commands) => {
      const store = new ExemplarStore({ capacity: 5 })
      let capacity = 5
      let plain: { readonly i: number; readonly exemplar: Exemplar }[] = []
      for (const one of commands) {
        if ('capacity' in one) {
          capacity = one.capacity
          store.resize(capacity)
        } else {
          const exemplar = of(one.at, one.value, one.trace)
          const last = plain.findLast(({ i }) => i === one.i)?.exemplar
          const order =
            last === undefined
              ? 1
              : exemplar.at - last.at || exemplar.value - last.value || compareLabels(exemplar.labels, last.labels)
          const refused = store.append(series(one.i), exemplar)
          assert.equal(refused, order < 0 && capacity > 0 ? 'out-of-order' : undefined)
          if (order > 0) plain.push({ i: one.i, exemplar })
        }
        plain = capacity === 0 ? [] : plain.slice(-capacity)
        assert.equal(store.count, plain.length)
        assert.equal(store.seriesCount, new Set(plain.map(({ i }) => i)).size)
        const expected = [0, 1, 2, 3, 4]
          .map((i) => [`${i}`, ...plain.filter((entry) => entry.i === i).map(({ exemplar: e }) => [e.at, e.value])])
          .filter((entry) => entry.length > 1)
        assert.deepEqual(all(store), expected)
      }
    }),
  )
})

test('a listener is told of what is taken, and not of what is there already or refused', () => {
  const told: string[] = []
  const store = new ExemplarStore({ onTaken: (series, { value }) => void told.push(`${series} ${value}`) })
  const series = Labels.of({ __name__: 'm' })
  const labels = Labels.of({ trace_id: 'x' })
  for (const [at, value] of [
    [2, 1],
    [2, 1],
    [1, 5],
    [3, 2],
  ] as const)
    store.append(series, { labels, value, at: unixMs(at) })
  assert.deepEqual(told, ['m 1', 'm 2'])
})
