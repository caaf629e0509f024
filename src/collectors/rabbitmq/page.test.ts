import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PageWriter } from '#core'
import { fromDetailed, lengthsOf, withoutFamilies, writeDeadLetters, writeQueues } from './page.ts'

const recorded = (name: string) => readFileSync(new URL(`./testdata/${name}`, import.meta.url), 'utf8')
const queue = (name: string, ready: number, vhost = '/') => ({
  vhost,
  name,
  ready,
  unacked: 1,
  consumers: 0,
  bytes: undefined,
  published: 10,
  delivered: 0,
  acked: 0,
  redelivered: 0,
})

test('each queue has its own series; what the broker does not tell has none', () => {
  const page = new PageWriter()
  writeQueues(page, [queue('orders', 5), queue('a"b', 0)])
  const text = String(page)
  assert.match(text, /^rabbitmq_queue_messages_ready\{vhost="\/",queue="orders"\} 5$/m)
  assert.match(text, /^rabbitmq_queue_messages_published_total\{vhost="\/",queue="a\\"b"\} 10$/m)
  assert.doesNotMatch(text, /^rabbitmq_queue_messages_bytes\{/m)
})

test('dead letters are counted over virtual hosts, and queues that are not there are named', () => {
  const page = new PageWriter()
  const missing = writeDeadLetters(page, ['dead', 'gone'], lengthsOf([queue('dead', 2), queue('dead', 3, 'other')]))
  assert.match(String(page), /^assay_dead_letters\{queue="dead"\} 7$/m)
  assert.deepEqual(missing, ['gone'])
})

test("a family that is written in detail leaves the broker's page with its help and type, others stay", () => {
  const page = new PageWriter()
  writeQueues(page, [queue('orders', 5)])
  const rest = withoutFamilies(recorded('metrics.txt'), String(page))
  assert.doesNotMatch(rest, /rabbitmq_queue_messages_ready\b/)
  assert.doesNotMatch(rest, /rabbitmq_queue_messages_published_total/)
  assert.match(rest, /^rabbitmq_queue_messages_ready_bytes 35$/m)
  assert.match(rest, /^rabbitmq_global_messages_dead_lettered_rejected_total\{.*\} 2$/m)
})

test('the detailed page reads under the plain names, with the lengths of its queues', () => {
  const { text, lengths } = fromDetailed(recorded('detailed.txt'))
  assert.match(text, /^rabbitmq_queue_messages_ready\{vhost="\/",queue="orders"\} 5$/m)
  assert.doesNotMatch(text, /detailed_/)
  assert.deepEqual(
    [...lengths],
    [
      ['orders', 8],
      ['orders.dead', 2],
    ],
  )
})
