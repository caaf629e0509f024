import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkRuleFile, parseRuleFile } from './rule-file.ts'

test('a rule file becomes groups with Prometheus’ defaults', () => {
  const groups = parseRuleFile(
    `groups:
- name: api
  limit: 10
  query_offset: 5s
  labels: {team: shop}
  rules:
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
  - alert: Slow
    expr: latency > 0.5
    for: 5m
    keep_firing_for: 1h30m
    labels: {severity: page, level: 1}
    annotations: {summary: "{{ $labels.job }} is slow"}
- name: empty
  interval: 15s
`,
    'rules.yml',
    { defaultIntervalMs: 30_000 },
  )
  assert.deepEqual(groups, [
    {
      name: 'api',
      file: 'rules.yml',
      intervalMs: 30_000,
      limit: 10,
      queryOffsetMs: 5000,
      rules: [
        {
          kind: 'record',
          record: 'job:errors:rate5m',
          expr: 'sum by (job) (rate(errors_total[5m]))',
          labels: { team: 'shop' },
        },
        {
          kind: 'alert',
          alert: 'Slow',
          expr: 'latency > 0.5',
          forMs: 300_000,
          keepFiringForMs: 5_400_000,
          labels: { team: 'shop', severity: 'page', level: '1' },
          annotations: { summary: '{{ $labels.job }} is slow' },
        },
      ],
    },
    { name: 'empty', file: 'rules.yml', intervalMs: 15_000, limit: 0, queryOffsetMs: 0, rules: [] },
  ])
})

test('keys without a value are absent, and texts are as they are written', () => {
  const [group] = parseRuleFile(
    'groups:\n  - name: 010\n    limit: 1_0\n    labels:\n    rules:\n      - alert: Down\n        expr: up == 0\n        for:\n        labels: { severity: 010, quick: yes, rate: 1e3 }\n        annotations:\n',
    'r.yml',
  )
  assert.deepEqual([group?.name, group?.limit], ['010', 10])
  const [rule] = group!.rules
  assert.deepEqual(rule?.labels, { severity: '010', quick: 'yes', rate: '1e3' })
})

test('aliases that multiply without end are told', () => {
  const laughs = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...[...'bcdefghi'].map((key, i) => `${key}: &${key} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
  ]
  const { groups, issues } = checkRuleFile(laughs.join('\n'), 'r.yml')
  assert.deepEqual(groups, [])
  assert.match(issues[0]?.text ?? '', /alias.*write out what its aliases/i)
})

test('an empty file has no groups', () => assert.deepEqual(parseRuleFile('', 'r.yml'), []))

const rule = (lines: string) =>
  `groups:\n- name: g\n  rules:\n  - ${lines
    .split('\n')
    .map((line, i) => (i === 0 ? line : `    ${line}`))
    .join('\n')}\n`

for (const { why, source, line, text } of [
  {
    why: 'a misspelt key',
    source: rule('alert: A\nexpr: m\nfr: 5m'),
    line: 6,
    text: /unknown key "fr"; write one of record, alert, expr, for/,
  },
  {
    why: 'a misspelt key of a group',
    source: 'groups:\n- name: g\n  intervall: 5s\n',
    line: 3,
    text: /unknown key "intervall"; write one of name, interval/,
  },
  { why: 'an expression that does not parse', source: rule('alert: A\nexpr: "sum("'), line: 5, text: /^expr: / },
  {
    why: 'a duration without a unit',
    source: rule('alert: A\nexpr: m\nfor: 5'),
    line: 6,
    text: /^for: "5" is no duration; write a number and ms/,
  },
  {
    why: 'a template that does not parse',
    source: rule('alert: A\nexpr: m\nannotations:\n  a: "{{ nosuch 1 }}"'),
    line: 7,
    text: /"nosuch" is not defined/,
  },
  { why: 'neither record nor alert', source: rule('expr: m'), line: 4, text: /either recording or alerting/ },
  {
    why: 'both record and alert',
    source: rule('alert: A\nrecord: r\nexpr: m'),
    line: 6,
    text: /either recording or alerting/,
  },
  {
    why: 'a recording rule with for',
    source: rule('record: r\nexpr: m\nfor: 5m'),
    line: 6,
    text: /takes no for; remove it/,
  },
  { why: 'a bad metric name', source: rule('record: "a b"\nexpr: m'), line: 4, text: /no metric name/ },
  { why: 'a bad label name', source: rule('alert: A\nexpr: m\nlabels:\n  "0a": x'), line: 7, text: /no label name/ },
  { why: 'no expression', source: rule('alert: A'), line: 4, text: /^expr: is missing/ },
  { why: 'two groups of one name', source: 'groups:\n- name: g\n- name: g\n', line: 3, text: /"g" is there twice/ },
  {
    why: 'the same rule twice',
    source: 'groups:\n- name: g\n  rules:\n  - {record: r, expr: m}\n  - {record: r, expr: m}\n',
    line: 5,
    text: /twice in its group/,
  },
  { why: 'no YAML', source: 'groups: [\n', line: 1, text: /not YAML/ },
  { why: 'a list instead of groups', source: '- a\n', line: 1, text: /expected object/ },
]) {
  test(`a rule file is refused with the place and the remedy: ${why}`, () => {
    const { groups, issues } = checkRuleFile(source, 'rules.yml')
    assert.deepEqual(groups, [])
    assert.match(issues[0]?.text ?? '', text)
    if (why !== 'no YAML') assert.equal(issues[0]?.line, line)
    assert.throws(() => parseRuleFile(source, 'rules.yml'), { code: 'ASSAY_RULES_FILE', message: /^rules\.yml:\d+: / })
  })
}

test('an expression may use what the features name, and nothing else that is experimental', () => {
  const source = 'groups:\n  - name: g\n    rules:\n      - record: r\n        expr: sort_by_label(up, "job")\n'
  assert.throws(() => parseRuleFile(source, 'f.yml'), /^AssayError: f\.yml:5: expr: .*promql-experimental-functions/)
  const features = new Set(['promql-experimental-functions'] as const)
  assert.equal(parseRuleFile(source, 'f.yml', { features })[0]?.rules.length, 1)
})
