import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unixMs } from '#core'
import { policyOf, scaleOut } from './bench.ts'
import type { LoopConfig } from './draft.ts'
import { formatMeasure, formatSpan } from './format.ts'
import type { IncidentRecord } from './records.ts'
import { message, receiversOf, sentence } from './words.ts'

for (const [value, unit, want] of [
  [0.812, 'seconds', '812 ms'],
  [1.234, 'seconds', '1.2 s'],
  [0.05, 'ratio', '5 %'],
  [0.1234, 'ratio', '12.3 %'],
  [0.000_4, 'ratio', '0.04 %'],
  [130.4, 'per_second', '130/s'],
  [0, 'count', '0'],
  [42, 'count', '42'],
  [1_288_490_189, 'bytes', '1.2 GiB'],
  [0, 'bytes', '0 B'],
  [Number.NaN, 'count', 'no data'],
  [undefined, 'count', 'no data'],
  [Number.POSITIVE_INFINITY, 'seconds', 'infinite s'],
] as const) {
  test(`${value} as ${unit} reads ${want}`, () => assert.equal(formatMeasure(value, unit), want))
}

for (const [ms, want] of [
  [0, '0 s'],
  [5000, '5 s'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h'],
  [93_784_000, '1 d 2 h'],
  [-5, '0 s'],
] as const) {
  test(`${ms} ms reads ${want}`, () => assert.equal(formatSpan(ms), want))
}

const config: LoopConfig = {
  name: 'workshop',
  externalUrl: 'http://127.0.0.1:2424',
  policies: [],
  parts: [],
  approvalMs: 0,
  budget: { limit: 1, windowMs: 1 },
  breakAfter: 1,
  blastShare: 1,
}
const record: IncidentRecord = {
  id: 'crmErrors-1',
  key: 'crmErrors',
  policy: 'crmErrors',
  title: 'CRM answers with errors: more than 5 % for 5 min',
  parts: ['crm'],
  openedAt: unixMs(1_700_000_300_000),
  activeAt: unixMs(1_700_000_000_000),
  condition: { expr: 'e > 0.05', measure: 'e', op: '>', threshold: 0.05, unit: 'ratio', title: 'CRM errors' },
  value: 0.12,
  worst: 0.2,
  timeline: [{ at: unixMs(1_700_000_300_000), kind: 'detected', text: 'CRM errors above 5 % for 5 min: 12 %.' }],
  episode: 1,
  step: 0,
  attempt: 1,
  phase: { kind: 'due' },
  told: [],
  messages: 0,
  tried: [],
}

test('a mail says what, since when, what was done, what follows, and where', () => {
  const { subject, body } = message(
    record,
    'opened',
    'support',
    unixMs(1_700_000_300_000),
    config,
    'assay keeps watching',
  )
  assert.equal(subject, '[workshop] CRM errors above 5 %: 12 %')
  assert.equal(
    body,
    `CRM answers with errors: more than 5 % for 5 min.

Measured: 12 % (worst: 20 %).
Since: 2023-11-14 22:13:20 UTC (5 min ago)

What happened:
  2023-11-14 22:18:20 UTC  CRM errors above 5 % for 5 min: 12 %.

Assay keeps watching.

http://127.0.0.1:2424/incidents/crmErrors-1
`,
  )
})

test('the same message has the same id, and each next one another', () => {
  const ids = [record, record, { ...record, messages: 1 }].map(
    (one) => message(one, 'opened', 'support', unixMs(0), config, '').id,
  )
  assert.equal(ids[0], ids[1])
  assert.notEqual(ids[0], ids[2])
})

test('an escalation goes to those whom the policy names, else to the fallback', () => {
  const named = policyOf('p', 'mes', [{ kind: 'ticket', receiver: 'a' }, scaleOut, { kind: 'notify', receiver: 'a' }])
  assert.deepEqual(receiversOf(named, 'oncall'), ['a'])
  assert.deepEqual(receiversOf(policyOf('p', 'mes', [scaleOut]), 'oncall'), ['oncall'])
  assert.deepEqual(receiversOf(policyOf('p', 'mes', [scaleOut]), undefined), [])
})

test('a sentence begins large and ends once', () => {
  assert.deepEqual(['it works', 'Done.', 'why?'].map(sentence), ['It works.', 'Done.', 'Why?'])
})
