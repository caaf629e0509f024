import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  add,
  addStore,
  exemplify,
  isAbsent,
  OVERFLOW_LABELS,
  observe,
  readExemplar,
  readNative,
  Store,
  StoreReader,
  SUMMARY,
  set,
  unset,
  unsetAt,
} from './index.ts'
import { Journal } from './journal.ts'
import { readJournal } from './journal-reader.ts'
import { formatLabels, unformatLabels, wellFormed } from './label-text.ts'
import { nativeIndexOf } from './scale.ts'
import { OTHER_LABELS, readAll } from './store.test-support.ts'

test('the same labels are the same series, and an empty value is an absent label', () => {
  const family = new Store().family({ name: 'a', help: '', kind: 'gauge' })
  const one = family.series([
    ['x', '1'],
    ['y', ''],
  ])
  assert.equal(one, family.series([['x', '1']]))
  assert.equal(one, family.slotOf(['1']))
  assert.notEqual(family.series([['x', '1']]), family.series([['x', '2']]))
  assert.notEqual(family.series([['y', '1']]), one)
  assert.equal(family.size, 3)
})

test('a full family adds what is new to one overflow series and loses no sum', () => {
  const store = new Store()
  const family = store.family({ name: 'a', help: '', kind: 'counter', maxSeries: 10 })
  for (let i = 0; i < 200_000; i++) add(family.series([['url', `/${i}`]]), 1)
  const series = readAll(store).get('a') ?? new Map()
  assert.equal(series.size, 11)
  assert.equal(
    [...series.values()].reduce((sum, value) => sum + Number(value), 0),
    200_000,
  )
  assert.equal(series.get(OVERFLOW_LABELS), 199_990)
  assert.ok(store.usedBytes < 100_000, 'what was refused is remembered by nobody')
})

test('a series that was removed starts again at zero, and its old slot writes nowhere', () => {
  const store = new Store()
  const family = store.family({ name: 'a', help: '', kind: 'gauge' })
  const first = family.series([['x', '1']])
  set(first, 7)
  family.remove(first)
  const second = family.series([['x', '2']])
  set(first, 9)
  assert.deepEqual(readAll(store).get('a'), new Map([['x="2"', 0]]))
  family.remove(first)
  assert.equal(family.size, 1, 'an old slot removes nothing')
  set(second, 3)
  assert.deepEqual(readAll(store).get('a'), new Map([['x="2"', 3]]))
})

test('a family is declared once; another kind or other bounds are refused', () => {
  const store = new Store()
  const family = store.family({ name: 'a', help: '', kind: 'histogram', bounds: [1, 2] })
  assert.equal(store.family({ name: 'a', help: 'other words', kind: 'histogram', bounds: [1, 2] }), family)
  assert.throws(() => store.family({ name: 'a', help: '', kind: 'counter' }), /ASSAY_AGENT_METRIC/)
  assert.throws(() => store.family({ name: 'a', help: '', kind: 'histogram', bounds: [1, 3] }), /ASSAY_AGENT_METRIC/)
})

test('an observation falls into the first bucket whose bound is not below it, as sorting would say', () => {
  const bounds = [0.1, 1, 10]
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: -5, max: 50, noNaN: true }), fc.constantFrom(...bounds))),
      (given) => {
        const slot = new Store().family({ name: 'a', help: '', kind: 'histogram', bounds }).series()
        for (const value of given) observe(slot, value)
        const edges = [Number.NEGATIVE_INFINITY, ...bounds, Number.POSITIVE_INFINITY]
        const expected = edges
          .slice(1)
          .map((upper, i) => given.filter((value) => value > edges[i]! && value <= upper).length)
        assert.deepEqual([...slot.words.subarray(slot.first, slot.first + 4)], expected)
      },
    ),
  )
})

test('a count goes on beyond 32 bits', () => {
  const store = new Store()
  const slot = store.family({ name: 'a', help: '', kind: 'histogram', bounds: [1] }).series()
  slot.words[slot.first] = 0xfffffffe
  for (let i = 0; i < 5; i++) observe(slot, 0.5)
  assert.equal(slot.words[slot.first], 3)
  assert.equal((readAll(store).get('a')?.get('') as readonly number[])[0], 2 ** 32 + 3)
})

test('what another thread reads is what was recorded: series come, are written, go and come again', () => {
  const labels = fc.constantFrom('', '1', '2', 'a"b\\c\n', 'é', '\ud800')
  const step = fc.record({
    family: fc.nat(2),
    labels: fc.array(labels, { maxLength: 3 }),
    what: fc.constantFrom('write', 'write', 'write', 'remove', 'clear', 'read'),
    value: fc.double({ noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const store = new Store()
      const names = ['x', 'y', 'z']
      const families = (['gauge', 'counter', 'gauge'] as const).map((kind, i) =>
        store.family({ name: `f${i}`, help: '', kind, maxSeries: 8, ...(i === 0 ? { labels: names } : {}) }),
      )
      const model = families.map(() => new Map<string, number>())
      const reader = new StoreReader(store.shared)
      for (const { family: i, labels: values, what, value } of steps) {
        const [family, known] = [families[i]!, model[i]!]
        const text = formatLabels(names, values.map(wellFormed))
        const pairs = values.map((one, k) => [names[k]!, one] as const)
        if (what === 'read') assert.deepEqual(readAll(store, reader), asText(model))
        else if (what === 'clear') {
          if (family.kind === 'gauge') family.clear()
          if (family.kind === 'gauge') for (const one of known.keys()) known.set(one, Number.NaN)
        } else if (what === 'remove') {
          if (!known.has(text)) continue
          family.remove(family.series(pairs))
          known.delete(text)
        } else {
          const fits = known.has(text) || [...known.keys()].filter((one) => one !== OTHER_LABELS).length < 8
          set(family.series(pairs), value)
          known.set(fits ? text : OTHER_LABELS, value)
        }
      }
      assert.deepEqual(readAll(store, reader), asText(model))
      assert.deepEqual(readAll(store), asText(model), 'who comes late reads the same')
    }),
    { numRuns: 300 },
  )
  function asText(model: readonly Map<string, number>[]) {
    return new Map(
      model.map((series, i) => [`f${i}`, new Map([...series].filter(([, value]) => !Number.isNaN(value)))]),
    )
  }
})

test('series that come and go for ever take no more memory', () => {
  const store = new Store()
  const family = store.family({ name: 'a', help: '', kind: 'histogram', bounds: [1], native: true })
  const kept = family.series([['id', 'kept']])
  observe(kept, 0.5)
  const reader = new StoreReader(store.shared)
  for (let i = 0; i < 50_000; i++) {
    const slot = family.series([['id', String(i)]])
    observe(slot, i)
    family.remove(slot)
    if (i % 100 === 0) store.tidy()
    if (i % 1_000 === 0) assert.equal(readAll(store, reader).get('a')?.size, 1)
  }
  assert.ok(store.usedBytes < 100_000, `${store.usedBytes} bytes`)
  observe(kept, 0.5)
  assert.equal((readAll(store).get('a')?.get('id="kept"') as readonly number[])[0], 2, 'the slot is still its own')
})

test('a native histogram holds every observation in its bucket, at the resolution that fits', () => {
  const value = fc.oneof(
    fc.double({ min: 1e-4, max: 100, noNaN: true }),
    fc.double({ min: 1e-12, max: 1e12, noNaN: true }),
    fc.constantFrom(0, -1, 1, 2, 1e-300),
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 300, size: 'max' }), (given) => {
      const store = new Store()
      const family = store.family({ name: 'a', help: '', kind: 'histogram', bounds: [1], native: true })
      const slot = family.series()
      for (const one of given) observe(slot, one)
      const { schema, zeros, base, counts } = readNative(slot.words, slot.first + slot.scale.nativeOffset)
      const expected = new Map<number, number>()
      for (const one of given) {
        if (one <= 2 ** -128) continue
        const index = Math.ceil(nativeIndexOf(one) / 2 ** (3 - schema)) + 0
        expected.set(index, (expected.get(index) ?? 0) + 1)
      }
      const found = new Map([...counts].flatMap((count, i) => (count > 0 ? [[base + i, count] as const] : [])))
      assert.deepEqual(found, new Map([...expected].toSorted(([a], [b]) => a - b)), 'counts by bucket')
      assert.equal(zeros, given.filter((one) => one <= 2 ** -128).length)
      assert.ok(counts.length <= 192)
    }),
    { numRuns: 200 },
  )
})

test('a native histogram whose bucket is full begins anew', () => {
  const slot = new Store().family({ name: 'a', help: '', kind: 'histogram', bounds: [1], native: true }).series()
  observe(slot, 0.5)
  const meta = slot.first + slot.scale.nativeOffset
  const { counts } = readNative(slot.words, meta)
  counts[counts.indexOf(1)] = 0xffffffff
  observe(slot, 0.5)
  assert.deepEqual(
    [...readNative(slot.words, meta).counts].filter((count) => count > 0),
    [1],
  )
})

test('a gauge without a value is none, and has one again when it is set', () => {
  const store = new Store()
  const slot = store.family({ name: 'a', help: '', kind: 'gauge' }).series()
  unset(slot)
  assert.ok(isAbsent(slot.words, slot.at))
  assert.equal(readAll(store).get('a')?.size, 0)
  set(slot, Number.NaN)
  assert.ok(!isAbsent(slot.words, slot.at), 'NaN is a value')
})

test('values are escaped, cut when long, and always well formed', () => {
  assert.equal(formatLabels(['a'], ['x"\\\n']), 'a="x\\"\\\\\\n"')
  assert.equal(wellFormed('é\ud800'), 'é\ufffd')
  assert.equal(wellFormed('x'.repeat(1_000)).length, 256)
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1 }).map(wellFormed)), (values) => {
      const names = values.map((_, i) => `l${i}`)
      assert.deepEqual(
        unformatLabels(formatLabels(names, values)),
        values.map((value, i) => [names[i], value]),
      )
    }),
  )
})

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

test('exemplars of any length come, are replaced and go with their series, and take no more memory', () => {
  const store = new Store()
  const spec = { name: 'h', help: '', kind: 'histogram', bounds: [1, 2], exemplars: true } as const
  const family = store.family(spec)
  const kept = family.series([['id', 'kept']])
  const labels = (length: number): string => `t="${'x'.repeat(length)}"`
  const read = (of: Store, bucket: number): unknown => {
    const reader = new StoreReader(of.shared)
    reader.read()
    const view = reader.families[0]!
    return readExemplar(reader, view, view.series[0]!, bucket)
  }
  family.exemplify(kept.at, 2, { value: 3, at: 5, labels: labels(7) })
  for (let i = 0; i < 20_000; i++) {
    const slot = family.series([['id', String(i)]])
    for (const bucket of [0, 1, 2]) family.exemplify(slot.at, bucket, { value: i, at: i, labels: labels(i % 128) })
    family.exemplify(slot.at, 0, { value: i, at: i, labels: labels((i * 7) % 128) })
    family.remove(slot)
    if (i % 100 === 0) store.tidy()
  }
  assert.ok(store.usedBytes < 100_000, `${store.usedBytes} bytes`)
  assert.deepEqual(read(store, 2), { value: 3, at: 5, labels: labels(7) })
  assert.equal(read(store, 0), undefined)
  family.exemplify(kept.at, 2, { value: 4, at: 6, labels: labels(1_024) })
  assert.deepEqual(read(store, 2), { value: 3, at: 5, labels: labels(7) }, 'what no page has room for is left out')

  const other = new Store()
  const slot = other.family(spec).series([['id', 'kept']])
  other.family(spec).exemplify(slot.at, 2, { value: 9, at: 4, labels: labels(1) })
  other.family(spec).exemplify(slot.at, 1, { value: 1.5, at: 4, labels: labels(2) })
  const sum = new Store()
  for (const one of [store, other]) {
    const reader = new StoreReader(one.shared)
    reader.read()
    addStore(reader, sum, 'fresh')
  }
  assert.deepEqual(read(sum, 2), { value: 3, at: 5, labels: labels(7) }, 'the newest of two')
  assert.deepEqual(read(sum, 1), { value: 1.5, at: 4, labels: labels(2) })
})

test('traces of native histograms are in the sum of their stores', () => {
  const sum = new Store()
  const ids = { traceId: '0123456789abcdef0123456789abcdef', spanId: 'fedcba9876543210' }
  for (const at of [1_000, 3_000, 2_000]) {
    const store = new Store()
    const slot = store.family({ name: 'h', help: '', kind: 'histogram', bounds: [1], native: true }).series()
    observe(slot, 0.5)
    exemplify(slot, 0.5, ids, at)
    const reader = new StoreReader(store.shared)
    reader.read()
    addStore(reader, sum, 'fresh')
  }
  const reader = new StoreReader(sum.shared)
  reader.read()
  const labels = `trace_id="${ids.traceId}",span_id="${ids.spanId}"`
  const view = reader.families[0]!
  assert.deepEqual(readExemplar(reader, view, view.series[0]!, 0), { value: 0.5, at: 3, labels })
})

test('labels of any length are read as they were written, and what cannot be numbered is refused', () => {
  const store = new Store()
  const family = store.family({ name: 'a', help: 'ä'.repeat(20_000), kind: 'gauge', maxSeries: 1_000 })
  const lengths = [0, 1, 2, 3, 4, 5, 100, 5_400, 5_440, 5_460, 16_400, 100_000]
  for (const length of lengths) {
    // A value is cut at 256: a long text is many labels.
    const pairs = Array.from({ length: Math.floor(length / 256) }, (_, i) => [`l${i}`, 'é'.repeat(256)] as const)
    set(family.series([...pairs, ['last', 'x'.repeat(length % 256)]]), length)
  }
  const read = [...(readAll(store).get('a') ?? [])]
  assert.deepEqual(
    read.map(([, value]) => value),
    lengths,
  )
  for (const [labels, value] of read) {
    const { last = '', ...others } = Object.fromEntries(unformatLabels(labels))
    assert.equal(last, 'x'.repeat(Number(value) % 256))
    const texts = Object.values(others)
    assert.equal(texts.length, Math.floor(Number(value) / 256))
    assert.ok(texts.every((text) => text === 'é'.repeat(256)))
  }
  const journal = new Journal()
  const record = {
    name: 'b',
    help: '',
    kind: 'gauge',
    bounds: new Float64Array(0),
    isNative: false,
    needsLoop: false,
    across: 'sum',
    hasExemplars: false,
  } as const
  assert.ok(journal.addFamily({ ...record, id: 65_535 }) && journal.addSeries(65_535, 7, 'x="1"'))
  assert.ok(!journal.addFamily({ ...record, id: 65_536 }) && !journal.addSeries(65_536, 7, 'x="1"'))
  const told: number[] = []
  readJournal(journal.buffer, {
    onFamily: ({ id }) => told.push(id),
    onSeries: (id, place) => told.push(id, place),
    onGone: () => {},
  })
  assert.deepEqual(told, [65_535, 65_535, 7])
})
