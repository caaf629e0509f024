import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addStore, exemplify, observe, readExemplar, Store, StoreReader } from './index.ts'

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
