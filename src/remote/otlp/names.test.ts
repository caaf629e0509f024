import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isLegacyLabel, isLegacyName } from '#core'
import type { MetricKind } from './data.ts'
import { labelName, metricName, unitName } from './names.ts'

type Case = readonly [name: string, unit: string, kind: MetricKind, expected: string | undefined]

const check = (cases: readonly Case[], rules: Parameters<typeof metricName>[1]) => {
  for (const [name, unit, kind, expected] of cases)
    assert.equal(metricName({ name, unit, kind }, rules), expected, `${name} in ${unit} as ${kind}`)
}

test('with escaping and suffixes, the default', () => {
  const cases: readonly Case[] = [
    ['http.server.duration', 's', 'histogram', 'http_server_duration_seconds'],
    ['requests', '', 'counter', 'requests_total'],
    ['requests_total', '', 'counter', 'requests_total'],
    ['total_requests', '', 'counter', 'requests_total'],
    ['cpu.usage', '1', 'gauge', 'cpu_usage_ratio'],
    ['cpu_usage_ratio', '1', 'gauge', 'cpu_usage_ratio'],
    ['items', '1', 'counter', 'items_total'],
    ['items', '1', 'upDownCounter', 'items'],
    ['response_time_seconds', 's', 'gauge', 'response_time_seconds'],
    ['requests', '1/s', 'gauge', 'requests_per_second'],
    ['throughput', 'By/s', 'counter', 'throughput_bytes_per_second_total'],
    ['custom', '{items}', 'gauge', 'custom'],
    ['custom', 'By/{item}', 'gauge', 'custom_bytes'],
    ['custom', 'unit@with#special/chars', 'gauge', 'custom_unit_with_special_per_chars'],
    ['m__with__underscores', 'u__v', 'gauge', 'm_with_underscores_u_v'],
    ['process.cpu.utilization', '%', 'gauge', 'process_cpu_utilization_percent'],
    ['2xx', '', 'counter', '_2xx_total'],
    ['job:rate', '', 'gauge', 'job:rate'],
    ['@#$%', '', 'gauge', undefined],
    ['', '', 'gauge', undefined],
    ['__', '', 'gauge', undefined],
    ['constructor', 'constructor', 'gauge', 'constructor'],
  ]
  check(cases, { escaping: true, suffixes: true })
})

test('with escaping alone', () => {
  const cases: readonly Case[] = [
    ['http.server.duration', 's', 'histogram', 'http_server_duration'],
    ['requests', '', 'counter', 'requests'],
    ['metric@@##name', '', 'gauge', 'metric_name'],
    ['a__b', '', 'gauge', 'a__b'],
    ['123metric', '', 'gauge', '_123metric'],
    ['@#$%', '', 'gauge', undefined],
  ]
  check(cases, { escaping: true, suffixes: false })
})

test('with suffixes alone', () => {
  const cases: readonly Case[] = [
    ['http.server.duration', 's', 'histogram', 'http.server.duration_seconds'],
    ['requêsts', '1/s', 'counter', 'requêsts_per_second_total'],
    ['requests.total', '', 'counter', 'requests_total'],
    ['cpu.ratio', '1', 'gauge', 'cpu_ratio'],
    ['total', '', 'counter', 'total_total'],
    ['response.seconds', 's', 'gauge', 'response.seconds'],
    ['@#$%', '', 'counter', '@#$%_total'],
  ]
  check(cases, { escaping: false, suffixes: true })
})

test('names that are not translated stay as they are', () => {
  const rules = { escaping: false, suffixes: false }
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      assert.equal(metricName({ name, unit: 's', kind: 'counter' }, rules), name)
    }),
  )
})

test('labels by the defaults, collapsed, and as they are', () => {
  const cases: readonly (readonly [name: string, kept: string | undefined, collapsed: string | undefined])[] = [
    ['http.method', 'http_method', 'http_method'],
    ['label:with:colons', 'label_with_colons', 'label_with_colons'],
    ['123label', 'key_123label', 'key_123label'],
    ['_private', 'key_private', 'key_private'],
    ['__two', '__two', 'key_two'],
    ['label__with..dots', 'label__with__dots', 'label_with_dots'],
    ['__reserved__label__', '__reserved__label__', '__reserved_label__'],
    ['trailing___', 'trailing___', 'trailing_'],
    ['字符', undefined, 'key_'],
    ['', undefined, undefined],
    ['__', undefined, undefined],
  ]
  for (const [name, kept, collapsed] of cases) {
    const rules = { escaping: true, keyBeforeUnderscore: true }
    assert.equal(labelName(name, { ...rules, keepUnderscores: true }), kept, name)
    assert.equal(labelName(name, { ...rules, keepUnderscores: false }), collapsed, name)
  }
  assert.equal(labelName('_x', { escaping: true, keyBeforeUnderscore: false, keepUnderscores: true }), '_x')
  assert.equal(
    labelName('http.method', { escaping: false, keyBeforeUnderscore: true, keepUnderscores: true }),
    'http.method',
  )
})

test('what is escaped needs no quotes in PromQL, whatever it was', () => {
  const kind = fc.constantFrom(...(['gauge', 'counter', 'upDownCounter', 'histogram', 'summary'] as const))
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string(),
      kind,
      fc.boolean(),
      fc.boolean(),
      (name, unit, kind, a, b) => {
        const metric = metricName({ name, unit, kind }, { escaping: true, suffixes: a })
        assert.ok(metric === undefined || isLegacyName(metric), `${metric}`)
        const label = labelName(name, { escaping: true, keyBeforeUnderscore: a, keepUnderscores: b })
        assert.ok(label === undefined || isLegacyLabel(label), `${label}`)
      },
    ),
    { numRuns: 1000 },
  )
})

test('units have names', () => {
  const cases = {
    s: 'seconds',
    'By/s': 'bytes_per_second',
    '1': '',
    '{x}': '',
    'requests/m': 'requests_per_minute',
    '1/s': 'per_second',
  }
  for (const [unit, name] of Object.entries(cases)) assert.equal(unitName(unit), name)
})
