import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Store } from '../store/index.ts'
import { pageNow, pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { OwnMetrics } from './own-metrics.ts'

const fresh = () => {
  const store = new Store()
  return { own: new OwnMetrics(store), page: () => pageNow(store), scrape: () => pageOf(store), store }
}

test('counters, gauges and histograms record with their labels', () => {
  const { own, page } = fresh()
  const orders = own.counter('orders_total', { help: 'Orders.', labels: ['kind'] })
  orders.inc({ kind: 'print' })
  orders.inc({ kind: 'print' }, 2)
  orders.inc()
  const open = own.gauge('orders_open', { help: 'Open orders.' })
  open.set(5)
  open.add(-2)
  own.histogram('price_seconds', { help: 'Prices.', bounds: [1, 2] }).observe(1.5)
  assert.equal(valueAt(page(), 'orders_total', { kind: 'print' }), 3)
  assert.deepEqual(
    samplesOf(page(), 'orders_total').map(({ value }) => value),
    [3, 1],
  )
  assert.equal(valueAt(page(), 'orders_open'), 3)
  assert.equal(valueAt(page(), 'price_seconds_bucket', { le: '2.0' }), 1)
})

test('a value that cannot be is left out and counted', () => {
  const { own, page } = fresh()
  const total = own.counter('a_total', { help: '' })
  total.inc({}, Number.NaN)
  total.inc({}, -1)
  own.gauge('b', { help: '' }).set(Number.POSITIVE_INFINITY)
  assert.equal(valueAt(page(), 'a_total'), 0)
  assert.equal(valueAt(page(), 'assay_agent_rejected_values_total'), 3)
})

test('a wrong declaration throws where it is written', () => {
  const { own } = fresh()
  assert.throws(() => own.counter('my-orders', { help: '' }), /is not a metric name/)
  for (const label of ['le', 'worker', 'quantile', '__x', 'a-b'])
    assert.throws(() => own.gauge('g', { help: '', labels: [label] }), /cannot be a label/)
  assert.throws(() => own.histogram('h', { help: '', bounds: [2, 1] }), /ascending/)
  own.counter('x_total', { help: '' })
  own.counter('x_total', { help: '' })
  assert.throws(() => own.gauge('x_total', { help: '' }), /already a counter/)
})

test('a series is resolved once, recorded to by itself, and gone when it is removed', () => {
  const { own, page } = fresh()
  const orders = own.counter('orders_total', { help: 'Orders.', labels: { kind: ['print', 'mill'], region: [] } })
  const prints = orders.with({ kind: 'print', region: 'eu' })
  prints.inc()
  orders.inc({ kind: 'print', region: 'eu' }, 2)
  assert.equal(valueAt(page(), 'orders_total', { kind: 'print', region: 'eu' }), 3)
  orders.remove({ kind: 'print', region: 'eu' })
  prints.inc()
  assert.deepEqual(samplesOf(page(), 'orders_total'), [])
  const open = own.gauge('open', { help: '', labels: ['kind'] }).with({ kind: 'print' })
  open.set(4)
  open.add(-1)
  open.set(Number.NaN)
  assert.equal(valueAt(page(), 'open', { kind: 'print' }), 3)
  const price = own.histogram('price_seconds', { help: '', labels: ['kind'] })
  price.with({ kind: 'print' }).observe(0.2)
  assert.ok(price.start({ kind: 'print' })() >= 0)
  assert.ok(price.with({ kind: 'print' }).start()() >= 0)
  assert.equal(valueAt(page(), 'price_seconds_count', { kind: 'print' }), 3)
})

test('a label whose values are declared has no others', () => {
  const { own, page } = fresh()
  const orders = own.counter('orders_total', { help: 'Orders.', labels: { kind: ['print', 'mill'] } })
  orders.inc({ kind: 'print' })
  // @ts-expect-error: not one of the declared values
  orders.inc({ kind: 'weave' })
  // @ts-expect-error: not a declared label
  orders.inc({ colour: 'red' })
  own.gauge('none', { help: '' }).set(1)
  assert.deepEqual(
    samplesOf(page(), 'orders_total').map(({ labels, value }) => [labels['kind'], value]),
    [
      ['print', 1],
      ['_other', 1],
      [undefined, 1],
    ],
  )
})

test('values that read the same are one series, whatever was given', () => {
  const { own, page } = fresh()
  const total = own.counter('a_total', { help: '', labels: ['text'] })
  const long = 'x'.repeat(300)
  total.inc({ text: long })
  total.inc({ text: `${long}y` })
  total.with({ text: long.slice(0, 256) }).inc()
  total.inc({ text: 'a\ud800' })
  total.inc({ text: 'a\ufffd' })
  assert.deepEqual(
    samplesOf(page(), 'a_total').map(({ value }) => value),
    [3, 2],
  )
})

test('a gauge with a collect is set when it is asked for, and has no old value', async () => {
  const { own, scrape, store } = fresh()
  let queues: Record<string, number> = { a: 1, b: 2 }
  own.gauge('waiting', {
    help: '',
    labels: ['queue'],
    collect: (gauge) => {
      for (const [queue, length] of Object.entries(queues)) gauge.set(length, { queue })
    },
  })
  let answer: () => Promise<number> = async () => 7
  const later = own.gauge('later', {
    help: '',
    collect: async (gauge) => gauge.set(await answer()),
  })
  const told = async (name: string): Promise<unknown> =>
    samplesOf(await scrape(), name).map(({ labels, value }) => [labels['queue'], value])
  assert.deepEqual(await told('waiting'), [
    ['a', 1],
    ['b', 2],
  ])
  assert.deepEqual(await told('later'), [[undefined, 7]])
  queues = { b: 3 }
  assert.deepEqual(await told('waiting'), [['b', 3]], 'what is not set is not there')
  for (const failing of [() => Promise.reject(new Error('down')), () => new Promise<number>(() => {})]) {
    answer = failing
    assert.deepEqual(await told('later'), [], 'while it fails, or hangs, it is missing')
    assert.deepEqual(await told('waiting'), [['b', 3]])
  }
  answer = async () => 8
  assert.deepEqual(await told('later'), [[undefined, 8]])
  later.set(9)
  const collectors = store.collectors.length
  own.gauge('later', { help: '', collect: (gauge) => gauge.set(10) })
  assert.equal(store.collectors.length, collectors, 'declared again it is asked once')
  assert.deepEqual(await told('later'), [[undefined, 10]])
})
