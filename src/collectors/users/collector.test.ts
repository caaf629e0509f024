import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AssayError, ManualClock, silentLog } from '#core'
import { memoryState, type State } from '#state'
import type { Collector, UsersAgent, UsersSpec } from '../types.ts'
import { formatDays } from './answers.test-support.ts'
import { ASK_AT_ONCE, ROUND_MS, usersCollector } from './collector.ts'

const NOON = Date.UTC(2026, 4, 5, 12)
const MINUTE = 60_000
const DAY = 86_400_000
const KEPT_DAYS_LATER = 390 * DAY
const SPEC: UsersSpec = { kind: 'users', part: 'shop:users', service: 'shop', targets: ['a:1', 'b:1'] }
const KEY = '0123456789abcdef'

/** An agent of a test: answers what it is told to, from the clock. */
type Told = { status: number; body: string } | Error

function setUp(state?: State, spec = SPEC) {
  const clock = new ManualClock(NOON)
  const told = new Map<string, Told>()
  const collector = usersCollector(
    spec,
    { clock, log: silentLog, resolve: String, ...(state === undefined ? {} : { state }) },
    async (url) => {
      const answer = told.get(new URL(url).host) ?? Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      if (answer instanceof Error) throw answer
      return answer
    },
  )
  return { clock, told, collector }
}

const ok = (given: Parameters<typeof formatDays>[0]): Told => ({ status: 200, body: JSON.stringify(formatDays(given)) })

async function counts(collector: Collector): Promise<Record<string, number>> {
  const page = await collector.read(new AbortController().signal)
  const found: Record<string, number> = {}
  for (const [, name, window, value] of page.matchAll(/^(\w+)\{service="shop"(?:,window="(\w+)")?\} (\S+)$/gm)) {
    found[window ?? name!] = Number(value)
  }
  return found
}

const ids = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i + 1)

test('users of all instances are counted once, over the day, the week and the month', async () => {
  const { told, collector } = setUp()
  told.set(
    'a:1',
    ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 30), '2026-05-04': ids(0, 50) }, minutes: { 0: ids(0, 5) } }),
  )
  told.set(
    'b:1',
    ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(20, 60) }, minutes: { '-3': ids(3, 9), '-6': ids(100, 200) } }),
  )
  assert.deepEqual(await counts(collector), {
    '5m': 9,
    '1d': 60,
    '7d': 60,
    '30d': 60,
    assay_daily_active_users: 50,
    assay_users_keys: 1,
  })
  assert.deepEqual(collector.caveats(), [])
})

test('agents that ask for a token are given the one of the definition, and it is in no caveat', async () => {
  const clock = new ManualClock(NOON)
  const asked: unknown[] = []
  const collector = usersCollector(
    { ...SPEC, token: { env: 'AGENT_TOKEN' } },
    { clock, log: silentLog, resolve: (text) => `the ${typeof text === 'string' ? text : text.env}` },
    async (url, token) => {
      asked.push([url, token])
      return { status: 401, body: '' }
    },
  )
  await assert.rejects(collector.read(new AbortController().signal), (error: Error) => {
    assert.match(error.message, /a:1 asks for a token: write token: env/)
    return !error.message.includes('the AGENT_TOKEN')
  })
  assert.deepEqual(asked[0], ['http://a:1/-/assay/users', 'the AGENT_TOKEN'])
})

test('the instances of a scrape job are those it has at the time, and it is the job that has their credentials', async () => {
  const clock = new ManualClock(NOON)
  const agents = new Map<string, Told>()
  const scraped = (job: string): readonly UsersAgent[] =>
    [...agents].map(([address, told]) => ({
      address,
      ask: async (path) => {
        assert.deepEqual([job, path], ['web', '-/assay/users'])
        if (told instanceof Error) throw told
        return told
      },
    }))
  const spec: UsersSpec = { kind: 'users', part: 'web:users', service: 'shop', targets: { scraped: 'web' } }
  const collector = usersCollector(spec, { clock, log: silentLog, resolve: String, scraped })
  await assert.rejects(
    collector.read(new AbortController().signal),
    /nobody tells the users of shop: the scrape job web has no targets/,
  )
  agents.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 30) }, minutes: {} }))
  agents.set('b:1', { status: 401, body: '' })
  assert.equal((await counts(collector))['1d'], 30)
  assert.deepEqual(collector.caveats(), ['b:1 asks for a token: check the credentials of the scrape job web.'])
  agents.set('b:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(20, 40) }, minutes: {} }))
  assert.equal((await counts(collector))['1d'], 40)
  agents.clear()
  assert.equal((await counts(collector))['1d'], 40, 'who has gone has been seen')
})

test('many instances are asked a few at a time, and those that were not reached are asked first the next time', async () => {
  const clock = new ManualClock(NOON)
  const names = Array.from({ length: 100 }, (_, i) => `i${i}:1`)
  const asked: string[] = []
  let [now, most] = [0, 0]
  let slow = false
  let later: Promise<void> | undefined
  const collector = usersCollector(
    { ...SPEC, targets: names },
    { clock, log: silentLog, resolve: String },
    async (url) => {
      asked.push(new URL(url).host)
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      const nth = Number(/i(\d+)/.exec(url)?.[1])
      if (slow && nth === 40) later = clock.advance(ROUND_MS)
      await later
      const told = ok({ key: KEY, at: NOON, days: { '2026-05-05': [nth] }, minutes: {} })
      if (told instanceof Error) throw told
      return told
    },
  )
  assert.equal((await counts(collector))['1d'], 100)
  assert.deepEqual([most, collector.caveats(), asked.splice(0).length], [ASK_AT_ONCE, [], 100])
  slow = true
  await counts(collector)
  const reached = new Set(asked.splice(0))
  assert.ok(reached.size >= 40 && reached.size < 60, `${reached.size} of 100`)
  assert.match(
    collector.caveats().join(),
    new RegExp(`^${100 - reached.size} of 100 instances of shop were not asked.*first next time`),
  )
  slow = false
  await counts(collector)
  const first = asked.slice(0, 100 - reached.size)
  assert.ok(first.every((name) => !reached.has(name)))
  assert.deepEqual([new Set(asked).size, collector.caveats()], [100, []])
})

test('a restart of an instance, or its end, takes nobody away; a silent one is a caveat', async () => {
  const { told, collector, clock } = setUp()
  told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 30) }, minutes: { 0: ids(0, 30) } }))
  told.set('b:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': [] }, minutes: {} }))
  await counts(collector)
  told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(40, 41) }, minutes: { 0: [] } }))
  told.delete('b:1')
  await clock.advance(MINUTE)
  const now = await counts(collector)
  assert.deepEqual([now['1d'], now['5m']], [31, 30])
  assert.match(collector.caveats().join(), /connection refused at b:1/)
  await clock.advance(6 * MINUTE)
  assert.equal((await counts(collector))['5m'], 0)
})

test('the day turns: yesterday is whole, and what agents still tell of it is taken', async () => {
  const { told, collector, clock } = setUp(undefined, { ...SPEC, targets: ['a:1'] })
  await clock.advance(12 * 3_600_000 - 1_000)
  told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 10) }, minutes: {} }))
  assert.equal((await counts(collector))['1d'], 10)
  await clock.advance(15_000)
  told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 12), '2026-05-06': ids(0, 1) }, minutes: {} }))
  const now = await counts(collector)
  assert.deepEqual([now['1d'], now['7d'], now['assay_daily_active_users']], [1, 12, 12])
})

test('the day is the day of the zone that agents count in', async () => {
  const { told, collector, clock } = setUp(undefined, { ...SPEC, targets: ['a:1'] })
  told.set(
    'a:1',
    ok({
      key: KEY,
      at: NOON,
      timeZone: 'Asia/Tokyo',
      days: { '2026-05-05': ids(0, 7), '2026-05-06': ids(0, 3) },
      minutes: {},
    }),
  )
  assert.equal((await counts(collector))['1d'], 7)
  await clock.advance(4 * 3_600_000)
  assert.equal((await counts(collector))['1d'], 3)
})

test('days are kept: another process goes on, for a month of counting and a year on disk', async () => {
  const state = memoryState()
  const { told, collector, clock } = setUp(state, { ...SPEC, targets: ['a:1'] })
  for (let day = 0; day < 40; day++) {
    const date = new Date(clock.now()).toISOString().slice(0, 10)
    told.set('a:1', ok({ key: KEY, at: NOON, days: { [date]: ids(day * 10, day * 10 + 10) }, minutes: {} }))
    await counts(collector)
    await clock.advance(DAY)
  }
  await collector[Symbol.asyncDispose]()
  const again = setUp(state, { ...SPEC, targets: ['a:1'] })
  await again.clock.advance(39 * DAY)
  const now = await counts(again.collector)
  assert.deepEqual([now['1d'], now['7d'], now['30d'], now['assay_daily_active_users']], [10, 70, 300, 10])
  assert.equal((await state.list('users')).length, 40)
  await again.clock.advance(KEPT_DAYS_LATER)
  const date = new Date(again.clock.now()).toISOString().slice(0, 10)
  again.told.set('a:1', ok({ key: KEY, at: NOON, days: { [date]: ids(0, 1) }, minutes: {} }))
  await counts(again.collector)
  assert.ok((await state.list('users')).length < 30, 'what is older than 400 days has gone')
})

test('different keys add up, and the caveat says what to do; too many are not kept', async () => {
  const { told, collector } = setUp()
  told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 10) }, minutes: {} }))
  told.set('b:1', ok({ key: 'f'.repeat(16), at: NOON, days: { '2026-05-05': ids(0, 10) }, minutes: {} }))
  const now = await counts(collector)
  assert.deepEqual([now['1d'], now['assay_users_keys']], [20, 2])
  assert.match(collector.caveats().join(), /same ASSAY_USERS_KEY/)
  for (let i = 0; i < 40; i++) {
    const key = i.toString(16).padStart(16, '0')
    told.set('b:1', ok({ key, at: NOON, days: { '2026-05-05': ids(0, 1) }, minutes: {} }))
    await counts(collector)
  }
  assert.equal((await counts(collector))['assay_users_keys'], 16)
})

test('a clock that is wrong makes no days; garbage and refusals are sentences; nobody at all is an error', async () => {
  const { told, collector } = setUp()
  const read = () => collector.read(new AbortController().signal)
  const fails = (pattern: RegExp) =>
    assert.rejects(read, (error: AssayError) => pattern.test(error.message) && error.code === 'ASSAY_COLLECTOR_USERS')
  await fails(/connection refused at a:1/)
  told.set('a:1', { status: 404, body: '' })
  told.set('b:1', { status: 401, body: '' })
  await fails(/a:1 counts no users: set ASSAY_USERS.*b:1 asks for a token/)
  for (const body of ['', 'null', '{"format":2}', '{"format":1,"days":5}', '<html>']) {
    told.set('a:1', { status: 200, body })
    await fails(/a:1 answers what is not the users of an agent/)
  }
  told.set(
    'a:1',
    ok({
      key: KEY,
      at: NOON,
      days: { '2036-01-01': ids(0, 5), '2026-05-05': ids(0, 2), '2026-01-01': ids(0, 9) },
      minutes: {},
    }),
  )
  const now = await counts(collector)
  assert.deepEqual([now['1d'], now['30d']], [2, 2])
  assert.match(collector.caveats().join(), /2036-01-01, which has not come/)
})

test('a disk that refuses is a caveat, and the days are kept when it takes them again', async () => {
  const state = memoryState()
  let full = true
  const refusing: State = Object.create(state, {
    write: {
      value: (batch: Parameters<State['write']>[0]) =>
        full ? Promise.reject(new Error('disk full')) : state.write(batch),
    },
    list: {
      value: (...given: Parameters<State['list']>) =>
        full ? Promise.reject(new Error('unreadable')) : state.list(...given),
    },
    get: { value: state.get.bind(state) },
  })
  const { told, collector, clock } = setUp(refusing, { ...SPEC, targets: ['a:1'] })
  told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 5) }, minutes: {} }))
  assert.equal((await counts(collector))['1d'], 5)
  assert.match(collector.caveats().join(), /on disk cannot be read: unreadable.*cannot be kept on disk: disk full/)
  full = false
  await clock.advance(MINUTE)
  await counts(collector)
  assert.deepEqual([collector.caveats(), (await state.list('users')).length], [[], 1])
})

test('one definition follows another: who writes last takes nobody away', async () => {
  const state = memoryState()
  const [old, next] = [setUp(state, { ...SPEC, targets: ['a:1'] }), setUp(state, { ...SPEC, targets: ['a:1'] })]
  old.told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(0, 5) }, minutes: {} }))
  next.told.set('a:1', ok({ key: KEY, at: NOON, days: { '2026-05-05': ids(5, 8) }, minutes: {} }))
  await counts(next.collector)
  await counts(old.collector)
  await next.collector[Symbol.asyncDispose]()
  const { collector } = setUp(state)
  assert.equal((await counts(collector))['1d'], 8)
})
