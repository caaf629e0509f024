import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countUsers } from './payload.ts'
import { parseUserSource } from './source.ts'
import { readUsers, Users } from './users.ts'
import { ConnectionMemory, type Visit } from './visit.ts'

const NOON = Date.UTC(2026, 4, 5, 12)

function setUp(source: string | undefined): { users: Users; faults: unknown[]; aside: string[] } {
  const faults: unknown[] = []
  const aside: string[] = []
  const users = new Users({
    source: source === undefined ? undefined : parseUserSource(source),
    key: { k0: 1, k1: 2, id: '0123456789abcdef' },
    timeZone: 'UTC',
    service: 'shop',
    startedAt: 1,
    fault: (cause) => void faults.push(cause),
    stepAside: (reason) => void aside.push(reason),
  })
  return { users, faults, aside }
}

const visit = (more: Partial<Visit>): Visit => ({
  request: { headers: {} },
  framework: undefined,
  memory: new ConnectionMemory(),
  status: 200,
  aborted: false,
  channel: -1,
  route: '/',
  routeId: 0,
  address: '127.0.0.1',
  bytesOut: 0,
  nowMs: NOON,
  ...more,
})

const today = (users: Users): number => countUsers([readUsers(users.shared, NOON)], NOON).day

test('nobody is counted without a source, without an id, or for an answer 401', () => {
  const none = setUp(undefined).users
  assert.equal(none.settled(visit({ request: { headers: { 'x-user-id': 'a' } } })), undefined)
  const { users } = setUp('header:x-user-id')
  users.settled(visit({}))
  users.settled(visit({ request: { headers: { 'x-user-id': '' } } }))
  users.settled(visit({ request: { headers: { 'x-user-id': 'forged' } }, status: 401 }))
  assert.equal(today(users), 0)
  assert.equal(users.settled(visit({ request: { headers: { 'x-user-id': 'a' } } })), 'a')
  users.see('b', NOON)
  assert.equal(today(users), 2)
})

test('a connection remembers a user who comes twice in a row, and nobody whom another one follows', () => {
  const { users } = setUp('header:x-user-id')
  const memory = new ConnectionMemory()
  const remembered = ['a', 'a', 'a', 'b', 'a', 'b', 'b'].map((id) => {
    users.settled(visit({ request: { headers: { 'x-user-id': id } }, memory }))
    return memory.userText
  })
  assert.deepEqual(remembered, ['', 'a', 'a', '', '', '', 'b'])
  assert.equal(today(users), 2)
})

test('a connection that changes hands counts each of its users, whatever kind of id they have', () => {
  const { users } = setUp('user:id')
  const memory = new ConnectionMemory()
  const object = { toHexString: () => 'ab12' }
  for (const id of ['a', 'a', 7, 7, object, 'a', 'b', object, 7, '7'])
    users.settled(visit({ framework: { user: { id } }, memory }))
  assert.equal(today(users), 4)
  assert.equal(users.settled(visit({ framework: { user: { id: 'b' } }, memory })), 'b')
})

test('identify is stronger than the source, gets the framework request, and may throw for ever', () => {
  const { users, faults, aside } = setUp('header:x-user-id')
  users.identify((request) => (request as { user: { id: string } }).user.id)
  for (let i = 0; i < 150; i++) users.settled(visit({ request: { headers: { 'x-user-id': 'h' } } }))
  assert.equal(today(users), 0)
  users.settled(visit({ framework: { user: { id: 'told' } } }))
  assert.deepEqual([today(users), faults.length, aside.length], [1, 150, 0])
})

test('a source that throws again and again is left alone, and that is said once', () => {
  const { users, faults, aside } = setUp('user:id')
  const framework = {
    get user(): never {
      throw new Error('hostile getter')
    },
  }
  for (let i = 0; i < 300; i++) assert.equal(users.settled(visit({ framework })), undefined)
  assert.equal(faults.length, 100)
  assert.equal(aside.length, 1)
})
