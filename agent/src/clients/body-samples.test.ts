import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionMemory, type Visit } from '../users/visit.ts'
import { BODIES_BYTES, BodySamples, readBodies } from './body-samples.ts'
import { parseLoginRoutes, parseSamplesPerMinute } from './settings.ts'

const NOON = Date.UTC(2026, 4, 5, 12)

const visit = (body: unknown, more: Partial<Visit> = {}, type = 'application/json'): Visit => ({
  request: { headers: { 'content-type': type }, method: 'POST', url: '/x', body } as Visit['request'],
  framework: undefined,
  memory: new ConnectionMemory(),
  status: 200,
  aborted: false,
  channel: -1,
  route: '/x',
  routeId: 0,
  address: '203.0.113.9',
  bytesOut: 0,
  nowMs: NOON,
  ...more,
})

test('it takes so many a minute, half of them only of refused requests', () => {
  const samples = new BodySamples(4)
  for (let i = 0; i < 10; i++) samples.settled(visit({ i }))
  assert.deepEqual(
    readBodies(samples.memory).map(({ body }) => body),
    ['{"i":0}', '{"i":1}'],
  )
  for (let i = 0; i < 10; i++) samples.settled(visit({ refused: i }, { status: 422 }))
  assert.equal(readBodies(samples.memory).length, 4)
  samples.settled(visit({ next: 1 }, { nowMs: NOON + 60_000 }))
  assert.equal(readBodies(samples.memory).at(-1)?.body, '{"next":1}')
})

test('only parsed JSON and forms, from wherever the framework keeps them, masked and cut', () => {
  const samples = new BodySamples(100)
  samples.settled(visit('text'))
  samples.settled(visit({ a: 1 }, {}, 'text/plain'))
  samples.settled(visit(undefined))
  samples.settled(
    visit({ big: 1 }, { request: { headers: { 'content-type': 'application/json', 'content-length': '9999999' } } }),
  )
  assert.deepEqual(readBodies(samples.memory), [])
  samples.settled(visit({ password: 'hunter2', q: 'x' }, { nowMs: NOON - 3 }))
  samples.settled(
    visit(undefined, { framework: { request: { body: { koa: 1 } } } }, 'application/x-www-form-urlencoded'),
  )
  samples.settled(
    visit({ list: Array(60).fill('many words in a row '.repeat(20)) }, {}, 'application/vnd.api+json; charset=utf-8'),
  )
  const [masked, koa, long] = readBodies(samples.memory)
  assert.equal(masked?.body, '{"password":"[masked]","q":"x"}')
  assert.deepEqual([koa?.body, koa?.type], ['{"koa":1}', 'form'])
  assert.ok(Buffer.byteLength(long?.body ?? '') > 4_000 && Buffer.byteLength(long?.body ?? '') < 4_100)
  assert.ok(BODIES_BYTES < 400 * 1024)
})

test('the ring holds the last 64', () => {
  const samples = new BodySamples(600)
  for (let i = 0; i < 100; i++) samples.settled(visit({ i }, { status: 400, nowMs: NOON + i }))
  assert.equal(readBodies(samples.memory).length, 64)
  assert.deepEqual(
    [readBodies(samples.memory)[0]?.body, readBodies(samples.memory).at(-1)?.body],
    ['{"i":36}', '{"i":99}'],
  )
})

test('a setting that cannot be read says what to write', () => {
  assert.deepEqual(parseLoginRoutes('/login, /api/sessions'), ['/login', '/api/sessions'])
  assert.throws(() => parseLoginRoutes('login'), /write \/login/)
  assert.equal(parseSamplesPerMinute('10'), 10)
  for (const wrong of ['ten', '-1', '1e9', '601', '']) assert.throws(() => parseSamplesPerMinute(wrong), /write 10/)
})
