import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Metadata, MetadataStore } from '#storage'
import { DescribedFamilies } from './described-families.ts'

const COUNTER: Metadata = { type: 'counter', help: 'Orders.', unit: '' }
const GAUGE: Metadata = { type: 'gauge', help: 'Orders that wait.', unit: '' }

test('a target says what its last page said, and nothing that it said before', () => {
  const target = new DescribedFamilies(new MetadataStore())
  target.take(
    new Map([
      ['orders', COUNTER],
      ['old', GAUGE],
    ]),
  )
  target.take(
    new Map([
      ['orders', GAUGE],
      ['new', COUNTER],
    ]),
  )
  assert.deepEqual(Object.fromEntries(target.families), { orders: GAUGE, new: COUNTER })
})

test('targets that agree share their texts; those that do not each keep their own, and the store stays as it is', () => {
  const store = new MetadataStore()
  const [a, b, c] = [0, 0, 0].map(() => new DescribedFamilies(store)) as [
    DescribedFamilies,
    DescribedFamilies,
    DescribedFamilies,
  ]
  const pages = [{ ...COUNTER }, { ...COUNTER }, GAUGE]
  const scrape = () => [a, b, c].forEach((one, i) => void one.take(new Map([['orders', pages[i]!]])))
  scrape()
  const { revision } = store
  scrape()
  assert.equal(store.revision, revision, 'nothing new was said')
  assert.equal(a.families.get('orders'), b.families.get('orders'))
  assert.deepEqual(c.families.get('orders'), GAUGE)
})
