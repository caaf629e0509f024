/** What is told of several stores together: see exposition/sum-pages.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { add, addStore, observe, readNative, Store, StoreReader, SUMMARY, set, unset, unsetAt } from './index.ts'
import { readAll } from './store.test-support.ts'

test('the sum of two stores is the store of both streams', () => {
  const value = fc.double({ min: 1e-6, max: 1e6, noNaN: true })
  const stream = fc.array(fc.tuple(fc.constantFrom('', 'a', 'b"'), value), { maxLength: 60 })
  const record = (streams: readonly (readonly [string, number][])[]): Store => {
    const store = new Store()
    const total = store.family({ name: 'c_total', help: '', kind: 'counter', maxSeries: 2 })
    const level = store.family({ name: 'g', help: '', kind: 'gauge' })
    const spread = store.family({ name: 'h', help: '', kind: 'histogram', bounds: [1, 10], native: true })
    for (const stream of streams) {
      for (const [label, one] of stream) {
        // Whole numbers add up to the same in any order.
        add(total.series([['l', label]]), Math.ceil(one))
        add(level.series([['l', label]]), Math.ceil(one))
        observe(spread.series([['l', label]]), one)
      }
    }
    return store
  }
  fc.assert(
    fc.property(stream, stream, (one, other) => {
      const sum = new Store()
      const labels = new Set([...one, ...other].map(([label]) => label))
      for (const part of [record([one]), record([other])]) {
        const reader = new StoreReader(part.shared)
        reader.read()
        addStore(reader, sum, 'fresh')
      }
      const both = record([one, other])
      for (const name of ['g', 'h']) assert.deepEqual(readAll(sum).get(name) ?? new Map(), readAll(both).get(name))
      const count = (store: Store): number =>
        [...(readAll(store).get('c_total')?.values() ?? [])].reduce<number>((all, more) => all + Number(more), 0)
      assert.equal(count(sum), count(both), 'the limit of series loses no sum')
      const native = (store: Store, label: string) => {
        const slot = store.family({ name: 'h', help: '', kind: 'histogram', bounds: [1, 10] }).series([['l', label]])
        const { schema, base, counts } = readNative(slot.words, slot.first + slot.scale.nativeOffset)
        return [schema, [...counts].flatMap((n, i) => (n > 0 ? [[base + i, n]] : []))]
      }
      for (const label of labels) assert.deepEqual(native(sum, label), native(both, label))
    }),
  )
})

test('of gauges of several stores the sum or the greatest is told, of quantiles the greatest, whatever is missing', () => {
  const known = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined })
  const part = fc.record({ level: known, outbox: known, median: known, sum: fc.nat(9), count: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const sum = new Store()
      for (const { level, outbox, median, sum: total, count } of parts) {
        const store = new Store()
        if (level !== undefined) set(store.family({ name: 'g', help: '', kind: 'gauge' }).series(), level)
        const greatest = store.family({ name: 'o', help: '', kind: 'gauge', across: 'greatest' })
        if (outbox === undefined) unset(greatest.series())
        else set(greatest.series(), outbox)
        const { values, words, at } = store.family({ name: 's', help: '', kind: 'summary', bounds: [0.5] }).series()
        values.set([total, count, median ?? 0], at)
        if (median === undefined) unsetAt(words, at + SUMMARY.quantiles)
        const reader = new StoreReader(store.shared)
        reader.read()
        addStore(reader, sum, 'fresh')
      }
      const of = (name: 'level' | 'outbox' | 'median') => parts.flatMap((one) => one[name] ?? [])
      const total = (name: 'sum' | 'count') => parts.reduce((all, one) => all + one[name], 0)
      const read = readAll(sum)
      const one = (name: string): unknown => read.get(name)?.get('')
      const added = of('level').length === 0 ? undefined : of('level').reduce((all, level) => all + level, 0)
      const most = (values: readonly number[]) => (values.length === 0 ? undefined : Math.max(...values))
      assert.equal(one('g'), added)
      assert.equal(one('o'), most(of('outbox')))
      assert.deepEqual(one('s'), [total('sum'), total('count'), most(of('median')) ?? Number.NaN])
    }),
  )
})

test('a series that a store which was not brought up to date has a part in is not told, and all others are', () => {
  const label = fc.constantFrom('a', 'b', 'c')
  const part = fc.record({
    isFresh: fc.boolean(),
    needy: fc.dictionary(label, fc.nat(9), { maxKeys: 3 }),
    other: fc.dictionary(label, fc.nat(9), { maxKeys: 3 }),
  })
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const readers = parts.map(({ isFresh, needy, other }) => {
        const store = new Store()
        const families = [
          { name: 'c_total', kind: 'counter' },
          { name: 'g', kind: 'gauge' },
          { name: 'h', kind: 'histogram', bounds: [1] },
          { name: 's', kind: 'summary', bounds: [0.5] },
        ] as const
        for (const [needsLoop, values] of [
          [true, needy],
          [false, other],
        ] as const) {
          for (const spec of families) {
            const family = store.family({
              ...spec,
              help: '',
              needsLoop,
              name: `${needsLoop ? 'needy_' : ''}${spec.name}`,
            })
            for (const [l, value] of Object.entries(values)) {
              const slot = family.series([['l', l]])
              if (spec.kind === 'histogram') observe(slot, value)
              else slot.values.set(spec.kind === 'summary' ? [value, 1, value] : [value], slot.at)
            }
          }
        }
        const reader = new StoreReader(store.shared)
        reader.read()
        return { reader, isFresh }
      })
      const sum = new Store()
      for (const { reader } of readers.filter(({ isFresh }) => isFresh)) addStore(reader, sum, 'fresh')
      for (const { reader } of readers.filter(({ isFresh }) => !isFresh)) addStore(reader, sum, 'stale')
      const read = readAll(sum)
      const shown = (name: string): unknown => Object.fromEntries(read.get(name) ?? [])
      const stale = new Set(parts.flatMap(({ isFresh, needy }) => (isFresh ? [] : Object.keys(needy))))
      const staleOther = new Set(parts.flatMap(({ isFresh, other }) => (isFresh ? [] : Object.keys(other))))
      const told = (of: 'needy' | 'other', make: (values: readonly number[], l: string) => unknown): unknown => {
        const all = new Map<string, number[]>()
        for (const one of parts)
          for (const [l, value] of Object.entries(one[of])) all.set(l, [...(all.get(l) ?? []), value])
        return Object.fromEntries(
          Array.from(all)
            .filter(([l]) => of === 'other' || !stale.has(l))
            .map(([l, values]) => [`l="${l}"`, make(values, l)]),
        )
      }
      const total = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0)
      const buckets = (values: readonly number[]) =>
        [1, Infinity].map(
          (bound, i, bounds) => values.filter((value) => value <= bound && value > (bounds[i - 1] ?? -1)).length,
        )
      for (const [of, prefix] of [
        ['needy', 'needy_'],
        ['other', ''],
      ] as const) {
        assert.deepEqual(shown(`${prefix}c_total`), told(of, total))
        assert.deepEqual(shown(`${prefix}g`), told(of, total))
        assert.deepEqual(shown(`${prefix}h`), told(of, buckets))
        // Sum and count are true at any time; quantiles are known only when everybody has told his.
        const isKnown = (l: string): boolean => of === 'needy' || !staleOther.has(l)
        assert.deepEqual(
          shown(`${prefix}s`),
          told(of, (values, l) => [total(values), values.length, isKnown(l) ? Math.max(...values) : Number.NaN]),
        )
      }
    }),
  )
})
