/**
 * Wrong references do not compile: each `@ts-expect-error` below is a test, since the compiler refuses one that expects
 * nothing. What runs unchecked all the same gets a sentence.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { api, email, notify, pm2, postgres, restart, scaleOut, ticket, when } from './index.ts'
import { parseLimit } from './policies.ts'

const mes = api({ targets: ['127.0.0.1:2433'], channels: { internal: ['10.0.0.0/8'], open: 'rest' } })
const mesDb = postgres({ url: 'postgres://127.0.0.1/mes' })
const developers = email({ name: 'developers', to: 'd@w.example', from: 'a@w.example', smtp: 'smtp://127.0.0.1' })
const runtime = pm2()

test('an unknown measure is a type error, and a sentence at run time', () => {
  // @ts-expect-error there is no p96
  assert.throws(() => mes.latency.p96, /api\.latency has no "p96"; write api\.latency\.p9\d/)
  // @ts-expect-error a database has no latency
  assert.throws(() => mesDb.latency, /postgres has no "latency"/)
  // @ts-expect-error there is no such channel
  assert.throws(() => mes.channel.partners, /api\.channel has no "partners".*internal, open/)
})

test('a limit in another unit is a type error, and a sentence at run time', () => {
  // @ts-expect-error a latency is limited by a duration
  assert.throws(() => when(mes.latency.p95).above('5%'), /not a duration: "5%"/)
  // @ts-expect-error a ratio is limited by per cent
  assert.throws(() => when(mes.errors.ratio).above('500ms'), /not a limit: "500ms"; write it as 5%/)
  // @ts-expect-error a rate is limited per second or minute
  assert.throws(() => when(mes.rate).above('100'), /write it as 100\/s/)
  // @ts-expect-error durations have a unit
  assert.throws(() => when(mes.rate).above('100/s').for('5'), /not a duration: "5"/)
})

test('an action on the wrong thing is a type error', () => {
  const wrong = () => [
    // @ts-expect-error a database is not restarted by a runtime for services
    restart(mesDb, { on: runtime }),
    // @ts-expect-error a ticket goes to a receiver, not to a part
    ticket(mes),
    // @ts-expect-error a receiver is a value, not a name
    notify('support'),
    // @ts-expect-error scaling needs its bounds
    scaleOut(mes, { on: runtime }),
    // @ts-expect-error a mode is one of three
    when(mes.rate).above('1/s').do(notify(developers)).mode('always'),
  ]
  assert.equal(typeof wrong, 'function')
})

test('bounds that cannot be are refused', () => {
  assert.throws(() => scaleOut(mes, { on: runtime, min: 3, max: 2 }), /min 3 and max 2/)
  assert.throws(() => scaleOut(mes, { on: runtime, min: 0, max: 2 }), /1 <= min/)
})

test('a policy is changed by copy', () => {
  const first = when(mes.rate).above('1/s').for('5m').do(notify(developers))
  const second = first.mode('observe').cooldown('10m').verify({ hold: '1m', within: '5m' })
  assert.deepEqual(first.options, {})
  assert.deepEqual(second.options, { mode: 'observe', cooldownMs: 600_000, holdMs: 60_000, timeoutMs: 300_000 })
})

const limits = [
  { unit: 'seconds', text: '500ms', value: 0.5 },
  { unit: 'seconds', text: '1h30m', value: 5400 },
  { unit: 'ratio', text: '5%', value: 0.05 },
  { unit: 'per_second', text: '100/s', value: 100 },
  { unit: 'per_second', text: '90/m', value: 1.5 },
  { unit: 'bytes', text: '500 GiB', value: 500 * 2 ** 30 },
  { unit: 'count', text: 80, value: 80 },
] as const
for (const { unit, text, value } of limits) {
  test(`${text} in ${unit} is ${value}`, () => {
    assert.equal(parseLimit(unit, text), value)
  })
}
