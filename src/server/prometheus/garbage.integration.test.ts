import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEngine } from '#promql'
import { memoryStore } from '#storage'
import { NOW, openWorld, targetStatus, write } from '../server.test-support.ts'

const PATHS = [
  'query',
  'query_range',
  'query_exemplars',
  'format_query',
  'parse_query',
  'labels',
  'series',
  'label/job/values',
  'metadata',
  'targets',
  'targets/metadata',
  'rules',
  'alerts',
  'status/tsdb',
]
const NAMES = [
  'query',
  'time',
  'start',
  'end',
  'step',
  'timeout',
  'limit',
  'match[]',
  'metric',
  'type',
  'match_target',
  'state',
]
const value = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    'up',
    'up{',
    '{job=~".*"}',
    '{__name__="up"}',
    '1',
    '-1',
    '0',
    '1e308',
    'NaN',
    'Inf',
    '5m',
    '1x',
    '[',
    'rate(up[1m])',
  ),
  fc.constantFrom(
    '2026-01-02T03:04:05Z',
    '-292273086-05-16T16:47:06Z',
    '9e99',
    '0.0000001',
    'topk(1, up)',
    '"text"',
    'up[5m]',
    '',
  ),
)

test('no parameters make a 500: each question is answered or refused', async () => {
  const store = memoryStore()
  const { query } = createEngine({ store: (start, end) => store.querier(start as never, end as never) })
  await using world = await openWorld({ query, deps: { store } })
  write({ store }, { __name__: 'up', job: 'shop' }, [[NOW, 1]])
  world.targets.push(targetStatus('shop'))
  const asked = fc.tuple(
    fc.constantFrom(...PATHS),
    fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 5 }),
    fc.boolean(),
  )
  await fc.assert(
    fc.asyncProperty(asked, async ([path, pairs, post]) => {
      const params = new URLSearchParams(pairs.map(([name, text]) => [name, text]))
      const answer = post
        ? await world.get(`/api/v1/${path}`, { method: 'POST', body: params })
        : await world.get(`/api/v1/${path}?${params}`)
      // 503: a timeout of nothing has passed at once, as in Prometheus.
      assert.ok(answer.status < 500 || answer.json.errorType === 'timeout', `${answer.status} ${answer.text}`)
      if (answer.json !== undefined) assert.equal(answer.json.status, answer.status === 200 ? 'success' : 'error')
    }),
    { numRuns: 300 },
  )
})

test('no address makes a 500, whatever bytes it has', async () => {
  await using world = await openWorld()
  const segment = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom('%', '%ff', '..', '%2e%2e', '%00', '*', ':name', 'api', 'v1', 'label', 'values'),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { maxLength: 6 }), async (segments) => {
      const path = `/${segments.map((one) => one.replace(/[^\w%.-]/g, (char) => encodeURIComponent(char.isWellFormed() ? char : 'x'))).join('/')}`
      const { status, text } = await world.get(path)
      assert.ok(status < 500, `${status} ${path} ${text}`)
    }),
    { numRuns: 200 },
  )
})
