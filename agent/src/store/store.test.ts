import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { add, isAbsent, OVERFLOW_LABELS, observe, readNative, Store, StoreReader, set, unset } from './index.ts'
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
