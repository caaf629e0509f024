import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from '#promql'
import { api, defineSystem, postgres } from './index.ts'

const url = 'postgres://127.0.0.1/shop'

test('an outbox is a query or a table, and its numbers are on the page of its database', () => {
  const db = postgres({
    url,
    outbox: {
      orders: 'select count(*) from outbox where sent_at is null;',
      mail: { table: 'shop.mails', to: 'mail.out' },
      bills: { sql: 'WITH due AS (SELECT 1) SELECT count(*) FROM due', to: 'bills' },
    },
  })
  const plan = defineSystem({ name: 'x', parts: { db } })
  assert.deepEqual(plan.collectors[0], {
    kind: 'postgres',
    part: 'db',
    url,
    outboxes: [
      { name: 'orders', sql: 'select count(*) from outbox where sent_at is null' },
      { name: 'mail', sql: 'select count(*) from shop.mails' },
      { name: 'bills', sql: 'WITH due AS (SELECT 1) SELECT count(*) FROM due' },
    ],
  })
  const [part] = plan.parts
  assert.deepEqual(
    part?.signals.map(({ id }) => id),
    ['connections', 'size', 'outbox', 'outbox.ratio'],
  )
  assert.ok(part?.charts.some(({ id }) => id === 'outbox.byName'))
  assert.ok(
    plan.ruleGroups.some(({ rules }) => rules.some((rule) => rule.kind === 'alert' && rule.alert === 'outboxStuck')),
  )
})

test('unsent to sent is a series of its own', () => {
  const db = postgres({ url, outbox: { orders: { table: 'outbox', to: 'orders' } } })
  const { ruleGroups } = defineSystem({ name: 'x', parts: { db } })
  const rules = ruleGroups.flatMap((group) => group.rules.filter((rule) => rule.kind === 'record'))
  assert.deepEqual(
    rules.map(({ record, labels }) => [record, labels]),
    [['messaging:outbox_unsent:ratio', { part: 'db' }]],
  )
  assert.equal(rules[0]?.expr, db.outbox.ratio.expr({ job: 'db', window: '1m' }))
})

test('without an outbox nothing is asked, shown or told of one', () => {
  const plan = defineSystem({ name: 'x', parts: { db: postgres({ url }), shop: api({ targets: ['a:1'] }) } })
  assert.ok(!JSON.stringify(plan).includes('outbox'))
})

test('what was sent is told of the destinations when all outboxes name theirs, else of all messages', () => {
  const context = { job: 'db', window: '1m' }
  const named = postgres({ url, outbox: { a: { table: 'a', to: 'orders' }, b: { table: 'b', to: 'mail.out' } } })
  assert.match(named.outbox.ratio.expr(context), /messaging_destination_name=~"orders\|mail\\\\.out"/)
  parse(named.outbox.ratio.expr(context))
  const open = postgres({ url, outbox: { a: { table: 'a', to: 'orders' }, b: { table: 'b' } } })
  assert.doesNotMatch(open.outbox.ratio.expr(context), /messaging_destination_name/)
})

test('what was sent is told of the services that use the database, and of nobody else', () => {
  const [db, other] = [postgres({ url, outbox: { orders: { table: 'outbox', to: 'orders' } } }), postgres({ url })]
  const [shop, mes] = [api({ targets: ['a:1'], uses: [db] }), api({ targets: ['b:1'], uses: [other] })]
  const plan = defineSystem({ name: 'x', parts: { db, other, shop, mes, jobs: api({ targets: ['c:1'], uses: [db] }) } })
  const rules = plan.ruleGroups.flatMap((group) => group.rules.filter((rule) => rule.kind === 'record'))
  const expr = rules[0]?.expr ?? ''
  assert.match(expr, /messages_total\{error_type="",messaging_destination_name=~"orders",job=~"shop\|jobs"\}/)
  parse(expr)
  const signal = plan.parts.find(({ id }) => id === 'db')?.signals.find(({ id }) => id === 'outbox.ratio')
  assert.equal(signal?.expr, expr, 'the number that is shown is the one that is recorded')
})

test('what does not count is refused with what to write', () => {
  const cases = [
    [
      { orders: 'delete from outbox' },
      /parts\.db\.outbox\.orders: "delete from outbox" does not count; write one query/,
    ],
    [{ orders: 'select 1; drop table outbox' }, /does not count/],
    [{ orders: { table: 'outbox; drop table x' } }, /is no table; write outbox or shop\.outbox/],
    [{ 'a b': 'select 1' }, /"a b" is no name/],
    [Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`o${i}`, 'select 1'])), /17 are too many/],
  ] as const
  for (const [outbox, says] of cases) {
    assert.throws(
      () => defineSystem({ name: 'x', parts: { db: postgres({ url, outbox }) } }),
      (error: Error & { code?: string }) => error.code === 'ASSAY_MODEL_OUTBOX' && says.test(error.message),
      String(says),
    )
  }
})
