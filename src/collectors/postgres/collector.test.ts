import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PostgresClient, PostgresCollector } from './collector.ts'
import { postgresSentence } from './sentence.ts'

const PLACE = { user: 'shop', host: '127.0.0.1:5432', database: 'shop', where: 'SHOP_DB_URL' }
const SPEC = { kind: 'postgres', part: 'shopDb', url: { env: 'SHOP_DB_URL' } } as const

test('causes are told by SQLSTATE and network code, with what to check', () => {
  const cases = [
    ['28P01', 'password refused for user shop at 127.0.0.1:5432/shop; check SHOP_DB_URL'],
    ['3D000', 'there is no database shop at 127.0.0.1:5432; check SHOP_DB_URL'],
    [
      '53300',
      'too many connections at 127.0.0.1:5432: the server takes no more, not even ours; look for a leak, or raise max_connections',
    ],
    ['42501', 'user shop may not read the statistics of 127.0.0.1:5432/shop; grant it: GRANT pg_monitor TO shop'],
    ['57P03', 'the server at 127.0.0.1:5432 is starting up or shutting down; nothing to do but wait'],
    ['ECONNREFUSED', 'connection refused at 127.0.0.1:5432; is it running, and is this its port?'],
    ['XX000', '127.0.0.1:5432/shop cannot be asked: boom'],
  ] as const
  for (const [code, says] of cases)
    assert.equal(postgresSentence(Object.assign(new Error('boom'), { code }), PLACE), says)
})

test('an abort closes the connection that hangs, and its reason is what the read rejects with', async () => {
  const fails = Promise.withResolvers<never>()
  let ended = 0
  const hanging: PostgresClient = {
    connect: async () => {},
    query: () => fails.promise,
    on: () => {},
    end: async () => {
      ended++
      fails.reject(new Error('Connection terminated'))
    },
  }
  await using collector = new PostgresCollector(SPEC, PLACE, () => hanging)
  const stop = new AbortController()
  const read = collector.read(stop.signal)
  setImmediate(() => stop.abort(new Error('time is up')))
  await assert.rejects(read, /^Error: time is up$/)
  assert.ok(ended > 0)
  assert.equal(collector.address, 'postgres://127.0.0.1:5432/shop')
})
