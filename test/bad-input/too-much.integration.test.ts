/** Questions that ask for too much: refused with a reason, before the memory is taken, while others are answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels, unixMs } from '#core'
import { NOW } from '../../src/server/server.test-support.ts'
import { type BadWorld, fill, openBadWorld, whileHealthy } from './bad-world.ts'

const SERIES = 100_000
const AT = NOW / 1000
/** As many steps as a range may have. */
const RANGE = { start: AT - 11_000, end: AT, step: 1 }
/** What the process may grow by for a question that is refused; a billion points would be 9 GB. */
const MOST_GROWTH_KB = 150_000

const REFUSED: readonly { readonly why: string; readonly query: string; readonly says: RegExp }[] = [
  { why: 'steps times series', query: 'm', says: /too many samples/ },
  { why: 'the same within a function', query: 'rate(m[5m])', says: /too many samples/ },
  { why: 'the same below an aggregation', query: 'sum(m) by (group)', says: /too many samples/ },
  { why: 'every name', query: '{__name__=~".+"}', says: /too many samples/ },
  { why: 'a join of everything', query: '{__name__=~".+"} * on (i) {__name__=~".+"}', says: /too many samples/ },
  { why: 'a subquery of a step too small', query: 'max_over_time(m[30d:1ms])', says: /steps are more than/ },
  { why: 'one whose steps fit, but not its series', query: 'max_over_time(m[1h:1s])', says: /too many samples/ },
  { why: 'labels made of values', query: 'count_values("v", m)', says: /too many samples/ },
  { why: 'labels made of labels', query: 'label_replace(m, "a", "$1$1$1$1", "i", "(.*)")', says: /too many samples/ },
]

test('what would fill the memory is refused before it does', async (t) => {
  await using world = await openBadWorld()
  fill(world.db, SERIES, NOW - 1000)
  await world.ask('query', { query: 'count(m)', time: AT })
  for (const { why, query, says } of REFUSED) {
    await t.test(why, async () => {
      const before = process.resourceUsage().maxRSS
      const { status, json } = await whileHealthy(world, () => world.ask('query_range', { query, ...RANGE }))
      assert.equal(status, 422, json.error)
      assert.equal(json.errorType, 'execution')
      assert.match(json.error, says)
      assert.match(json.error, /; (?:shorten|widen) /)
      const grown = process.resourceUsage().maxRSS - before
      assert.ok(grown < MOST_GROWTH_KB, `${grown} KB more`)
    })
  }
})

test('a heavy question that is allowed leaves room for others', async () => {
  await using world = await openBadWorld()
  fill(world.db, 20_000, NOW - 1000)
  for (const query of [
    'sort_desc(topk(100, m * on (i) group_left m))',
    'sum by (group) (count_values("v", m))',
    'label_replace(label_join(m, "a", "-", "i", "group", "i"), "b", "$1", "a", "(.*)-.*-.*")',
    'quantile by (group) (0.9, m) or m unless on (i) m',
    'max_over_time(sum(m)[1h:10s])',
  ]) {
    const { status, json } = await whileHealthy(world, () => world.ask('query', { query, time: AT }))
    assert.equal(status, 200, json.error)
  }
})

test('what is allowed and takes for ever ends when nobody waits for it any more', async () => {
  await using world = await openBadWorld()
  // Two million windows of two million samples.
  const query = 'sum_over_time(max_over_time(vector(1)[30d:1s])[30d:1s])'
  const gone = new AbortController()
  await whileHealthy(world, async () => {
    const asked = world.get(`/api/v1/query?${new URLSearchParams({ query })}`, { signal: gone.signal })
    while (!(await running(world))) await world.get('/-/healthy')
    gone.abort()
    await assert.rejects(asked, { name: 'AbortError' })
    while (await running(world)) await world.get('/-/healthy')
  })
})

async function running(world: BadWorld): Promise<boolean> {
  const { text } = await world.get('/metrics')
  return /^assay_queries_running 1$/m.test(text)
}

const NESTED: readonly { readonly why: string; readonly query: string }[] = [
  { why: 'ten thousand parentheses', query: `${'('.repeat(10_000)}1${')'.repeat(10_000)}` },
  { why: 'ten thousand brackets', query: `m${'[5m:]'.repeat(10_000)}` },
  { why: 'ten thousand signs', query: `${'-'.repeat(10_000)}m` },
  { why: 'a hundred thousand terms', query: Array(100_000).fill('m').join('+') },
  { why: 'a label of a megabyte', query: `m{i="${'x'.repeat(2 ** 20)}"}` },
  { why: 'a name of a megabyte', query: 'm'.repeat(2 ** 20) },
  { why: 'an expression that multiplies', query: 'm{i=~"((a{1000}){1000}){1000}"}' },
  { why: 'ten thousand groups', query: `m{i=~"${'('.repeat(10_000)}${')'.repeat(10_000)}"}` },
]

test('what is nested or long beyond reason is refused with a place and a next step', async (t) => {
  await using world = await openBadWorld()
  for (const { why, query } of NESTED) {
    await t.test(why, async () => {
      for (const path of ['query', 'format_query', 'parse_query']) {
        const { status, json, text } = await whileHealthy(world, () => world.ask(path, { query }))
        assert.equal(status, 400, text.slice(0, 200))
        assert.match(json.error, /\d+:\d+: .*; (?:write|split) /s)
        assert.ok(text.length < 2000)
      }
    })
  }
})

test('an expression that explodes elsewhere is answered at once', async () => {
  await using world = await openBadWorld()
  using batch = world.db.appender()
  for (const i of ['a'.repeat(500), `${'é'.repeat(500)}!`, `${'a'.repeat(500)}\u{1f600}`])
    batch.append(undefined, Labels.of({ __name__: 'm', i }), unixMs(NOW - 1000), 1)
  batch.commit()
  const many = Array.from({ length: 10_000 }, (_, i) => `x${i}.*y`).join('|')
  for (const [regex, found] of [
    ['(a+)+$', 1],
    ['(?i)(A+)+x', 0],
    ['((a|é)+)+!?', 2],
    ['(\\\\pL+)+\\\\z', 1],
    ['(.*)*(.*)*(.*)*z', 0],
    [many, 0],
  ] as const) {
    const query = `m{i=~"${regex}"}`
    const { status, json } = await whileHealthy(world, () => world.ask('query', { query, time: AT }))
    assert.equal(status, 200, json.error)
    assert.equal(json.data.result.length, found, regex)
    const replaced = `label_replace(m, "to", "$1", "i", "${regex}")`
    assert.equal((await whileHealthy(world, () => world.ask('query', { query: replaced, time: AT }))).status, 200)
  }
})
