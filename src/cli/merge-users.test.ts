import assert from 'node:assert/strict'
import { test } from 'node:test'
import { api, defineSystem, parsePrometheusConfig, planOfPrometheus } from '#model'
import { parse } from '#promql'
import { withUsers } from './merge-users.ts'

const parts = { shop: api({ targets: ['a:1'] }), mes: api({ targets: ['b:1'], users: true }) }
const plan = defineSystem({ name: 'x', parts })

test('each job that is named is a collector, once, and a part that counts its users already is left as it is', () => {
  const { collectors } = withUsers(plan, ['shop', 'mes', 'shop'])
  assert.deepEqual(collectors, [
    ...plan.collectors,
    { kind: 'users', part: 'shop:users', service: 'shop', targets: { scraped: 'shop' } },
  ])
  assert.equal(plan.collectors.length, 1)
  assert.equal(withUsers(plan, []), plan)
})

test('a job of a prometheus.yml shows its users, where others show none', () => {
  const text = `scrape_configs: [{ job_name: 'a "b"', static_configs: [{ targets: ['a:1'] }] }, { job_name: other }]`
  const config = parsePrometheusConfig(text, 'prometheus.yml', { environment: {} })
  const { parts } = withUsers(planOfPrometheus(config, []), ['a "b"'])
  const shown = parts.map(({ signals, charts }) => [...signals, ...charts].filter(({ id }) => id.startsWith('users')))
  assert.deepEqual(
    shown.map((list) => list.length),
    [4, 0],
  )
  for (const { expr } of shown.flat()) parse(expr)
})

test('a job that is not there is refused with those that are', () => {
  assert.throws(() => withUsers(plan, ['shpo']), {
    code: 'ASSAY_USAGE',
    message: '--merge-users shpo: there is no such scrape job; write one of shop, mes',
  })
})
