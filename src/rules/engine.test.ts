import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, Labels, ManualClock, silentLog, unixMs, vectorOf } from '#core'
import { createEngine, parseSelector } from '#promql'
import { memoryStore, type Store } from '#storage'
import { createRules, type RulesOptions } from './engine.ts'
import type { Alert, AlertingRule, RecordingRule, RuleGroup } from './types.ts'

const T0 = 1_000_000_000
const alerting = (alert: string, expr: string, more: Partial<AlertingRule> = {}): AlertingRule => ({
  kind: 'alert',
  alert,
  expr,
  forMs: 0,
  keepFiringForMs: 0,
  labels: {},
  annotations: {},
  ...more,
})
const record = (name: string, expr: string, labels: Readonly<Record<string, string>> = {}): RecordingRule => ({
  kind: 'record',
  record: name,
  expr,
  labels,
})
const groupOf = (rules: RuleGroup['rules'], more: Partial<RuleGroup> = {}): RuleGroup => ({
  name: 'g',
  file: 'rules.yml',
  intervalMs: 1000,
  limit: 0,
  queryOffsetMs: 0,
  rules,
  ...more,
})

/** A store, the real engine over it, rules, and what the sink was told. Seconds count from T0. */
function bench(options: { store?: Store; clock?: Clock } & Partial<RulesOptions> = {}) {
  const store = options.store ?? memoryStore()
  const clock = options.clock ?? new ManualClock(T0)
  const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)), clock })
  const told: (readonly Alert[])[] = []
  const rules = createRules({
    query,
    store,
    clock,
    log: silentLog,
    sink: (alerts) => void told.push(alerts),
    ...options,
  })
  const labelsOf = (series: string): Labels => {
    const matchers = parseSelector(series)
    return matchers.reduce((labels, { name, value }) => labels.with(name, value), Labels.empty)
  }
  return {
    store,
    rules,
    told,
    last: () => told.at(-1) ?? [],
    /** One sample a series; `undefined` ends it. */
    put(seconds: number, series: Readonly<Record<string, number | undefined>>) {
      using batch = store.appender()
      for (const [text, value] of Object.entries(series)) {
        if (value === undefined) batch.appendStale(undefined, labelsOf(text), unixMs(T0 + seconds * 1000))
        else batch.append(undefined, labelsOf(text), unixMs(T0 + seconds * 1000), value)
      }
      batch.commit()
    },
    at: (seconds: number, name = 'g') => rules.evaluateOnce({ file: 'rules.yml', name }, unixMs(T0 + seconds * 1000)),
    async ask(seconds: number, promql: string) {
      return vectorOf(await query(promql, { at: unixMs(T0 + seconds * 1000) })).map(
        ({ labels, value }) => `${labels} ${value}`,
      )
    },
    [Symbol.asyncDispose]: () => rules[Symbol.asyncDispose](),
  }
}

test('what a rule writes is seen by later rules of the same cycle', async () => {
  await using b = bench()
  b.rules.apply([
    groupOf([
      record('job:m:sum', 'sum by (job) (m)', { team: 'a' }),
      alerting('FromRecord', 'job:m:sum > 2'),
      alerting('Chain', 'count(ALERTS{alertname="FromRecord",alertstate="firing"}) > 0'),
    ]),
  ])
  b.put(1, { 'm{job="shop",k="x"}': 1, 'm{job="shop",k="y"}': 2 })
  await b.at(1)
  assert.deepEqual(await b.ask(1, 'job:m:sum'), ['job:m:sum{job="shop", team="a"} 3'])
  assert.deepEqual(
    b.last().map(({ rule }) => rule),
    ['FromRecord', 'Chain'],
  )
})

test('labels are the element’s, then the rule’s, then the name; annotations are refreshed', async () => {
  await using b = bench()
  const labels = { severity: 'page', inst: 'over-{{ $labels.inst }}', alertname: 'no' }
  b.rules.apply([groupOf([alerting('Zero', 'm > 0', { labels, annotations: { v: 'v={{ $value }}' } })])])
  b.put(1, { 'm{inst="a-1",instance="i1"}': 7 })
  await b.at(1)
  b.put(2, { 'm{inst="a-1",instance="i1"}': 8 })
  await b.at(2)
  const [alert] = b.last()
  assert.deepEqual(alert?.labels.toJSON(), { alertname: 'Zero', inst: 'over-a-1', instance: 'i1', severity: 'page' })
  assert.deepEqual([alert?.state, alert?.annotations, alert?.activeAt], ['firing', { v: 'v=8' }, T0 + 1000])
})

test('what a rule found for an instant that later results have overtaken is not put between them', async () => {
  await using b = bench({ store: memoryStore({ outOfOrderWindowMs: 600_000 }) })
  b.rules.apply([groupOf([record('m:copy', 'm')])])
  b.put(1, { m: 1 })
  b.put(3, { m: 3 })
  await b.at(3)
  await b.at(1)
  assert.deepEqual(await b.ask(2, 'm:copy'), [])
  assert.deepEqual(await b.ask(3, 'm:copy'), ['m:copy 3'])
})

test('ALERTS and ALERTS_FOR_STATE tell the state, and end at once when it changes', async () => {
  await using b = bench()
  b.rules.apply([groupOf([alerting('For', 'm > 0', { forMs: 2000 })])])
  const seen: string[][] = []
  for (let s = 1; s <= 5; s++) {
    b.put(s, { m: s < 5 ? 1 : 0 })
    await b.at(s)
    seen.push((await b.ask(s, 'ALERTS')).map((one) => /alertstate="(\w+)"/.exec(one)?.[1] ?? ''))
    if (s === 3) {
      assert.deepEqual(await b.ask(s, 'ALERTS_FOR_STATE'), [`ALERTS_FOR_STATE{alertname="For"} ${T0 / 1000 + 1}`])
    }
  }
  assert.deepEqual(seen, [['pending'], ['pending'], ['firing'], ['firing'], []])
  assert.deepEqual(await b.ask(5, 'ALERTS_FOR_STATE'), [])
})

test('two elements with equal final labels: the rule errs and writes nothing', async () => {
  await using b = bench()
  b.rules.apply([groupOf([alerting('Dup', 'm > 0', { labels: { k: 'same' } }), record('r', 'm', { k: 'same' })])])
  b.put(1, { 'm{k="x"}': 1, 'm{k="y"}': 2 })
  await b.at(1)
  assert.deepEqual(b.last(), [])
  for (const rule of b.rules.status()[0]!.rules) {
    assert.equal(rule.health, 'err')
    assert.match(rule.lastError, /same labels/)
  }
  assert.deepEqual(await b.ask(1, '{__name__=~"ALERTS.*|r"}'), [])
})

test('over the limit of its group a rule errs and forgets its alerts', async () => {
  await using b = bench()
  b.rules.apply([groupOf([alerting('Limited', 'm > 0')], { limit: 1 })])
  b.put(1, { 'm{k="x"}': 1 })
  await b.at(1)
  assert.equal(b.last().length, 1)
  b.put(2, { 'm{k="x"}': 1, 'm{k="y"}': 2 })
  await b.at(2)
  assert.deepEqual(b.last(), [])
  assert.match(b.rules.status()[0]!.rules[0]!.lastError, /exceeded limit of 1 with 2 alerts/)
  assert.deepEqual(await b.ask(2, 'ALERTS'), [])
})

test('an expression that fails leaves the alerts as they are', async () => {
  await using b = bench()
  b.rules.apply([groupOf([alerting('A', 'm > on (k) group_left () n')])])
  b.put(1, { 'm{k="x"}': 2, 'n{k="x"}': 1 })
  await b.at(1)
  assert.equal(b.last()[0]?.state, 'firing')
  b.put(2, { 'm{k="x"}': 2, 'n{k="x",d="1"}': 1, 'n{k="x",d="2"}': 1 })
  await b.at(2)
  assert.equal(b.rules.status()[0]!.rules[0]!.health, 'err')
  assert.equal(b.last()[0]?.state, 'firing')
})

test('an end because the data vanished is marked blind, an end by health is not', async () => {
  await using b = bench()
  b.rules.apply([groupOf([alerting('A', 'm > 1'), alerting('Gone', 'absent(n)')])])
  b.put(1, { 'm{k="x"}': 2, 'm{k="y"}': 2 })
  await b.at(1)
  b.put(2, { 'm{k="x"}': undefined, 'm{k="y"}': 1, n: 1 })
  await b.at(2)
  const ended = Object.fromEntries(b.last().map((alert) => [alert.labels.get('k'), alert.blind ?? false]))
  assert.deepEqual(ended, { x: true, y: false, '': false })
  assert.equal(b.rules.resolved().length, 3)
})

test('a resolved alert is told once and listed no more', async () => {
  await using b = bench()
  b.rules.apply([groupOf([alerting('A', 'm > 1')])])
  for (const [s, value] of [2, 0, 0].entries()) {
    b.put(s + 1, { m: value })
    await b.at(s + 1)
  }
  assert.deepEqual(
    b.told.map((alerts) => alerts.map(({ state }) => state)),
    [['firing'], ['resolved'], []],
  )
  assert.deepEqual(b.rules.status()[0]!.rules[0]!.alerts, [])
})

test('a reload keeps the state of rules that stay and ends the series of those that go', async () => {
  await using b = bench()
  const stays = alerting('Stays', 'm > 1')
  b.rules.apply([
    groupOf([stays, alerting('Goes', 'm > 1'), record('r', 'm')]),
    groupOf([record('q', 'm')], { name: 'h' }),
  ])
  b.put(1, { m: 2 })
  await b.at(1)
  await b.at(1, 'h')
  b.rules.apply([groupOf([record('new', 'm'), stays, alerting('Long', 'm > 5')])])
  assert.deepEqual(
    b.rules.status()[0]!.rules[1]!.alerts.map(({ activeAt }) => activeAt),
    [T0 + 1000],
  )
  b.put(2, { m: 2 })
  await b.at(2)
  assert.deepEqual(await b.ask(2, 'ALERTS'), ['ALERTS{alertname="Stays", alertstate="firing"} 1'])
  await assert.rejects(b.at(3, 'h'), { code: 'ASSAY_RULES_NO_GROUP' })
})

test('raising `for` on reload puts a firing alert back to pending', async () => {
  await using b = bench()
  b.rules.apply([groupOf([alerting('A', 'm > 1')])])
  b.put(1, { m: 2 })
  await b.at(1)
  b.rules.apply([groupOf([alerting('A', 'm > 1', { forMs: 5000 })])])
  await b.at(2)
  assert.equal(b.last()[0]?.state, 'pending')
  await b.at(6)
  assert.equal(b.last()[0]?.state, 'firing')
})

test('a broken group is refused and the old rules stay', async () => {
  await using b = bench()
  b.rules.apply([groupOf([record('r', 'm')])])
  for (const rule of [alerting('A', '(('), alerting('A', 'm', { annotations: { a: '{{ nosuch 1 }}' } })]) {
    assert.throws(() => b.rules.apply([groupOf([rule])]), { code: 'ASSAY_RULES_GROUP', message: /rules\.yml.*"g"/ })
  }
  assert.equal(b.rules.status()[0]!.rules.length, 1)
})

for (const { why, forMs, outageS, value, want } of [
  { why: 'firing goes on, also when `for` is short', forMs: 3000, outageS: 60, value: 2, want: ['firing', T0 + 1000] },
  { why: 'firing without `for` goes on', forMs: 0, outageS: 60, value: 2, want: ['firing', T0 + 1000] },
  {
    why: 'what ended meanwhile is told as resolved',
    forMs: 3000,
    outageS: 60,
    value: 0,
    want: ['resolved', T0 + 1000],
  },
  {
    why: 'pending resumes and the outage does not count',
    forMs: 1200_000,
    outageS: 60,
    value: 2,
    want: ['pending', T0 + 61_000],
  },
  { why: 'a short pending starts anew', forMs: 30_000, outageS: 60, value: 2, want: ['pending', T0 + 70_000] },
  {
    why: 'after more than the tolerance all starts anew',
    forMs: 0,
    outageS: 4000,
    value: 2,
    want: ['firing', T0 + 4010_000],
  },
  {
    why: 'firing waits for data that has not come yet',
    forMs: 0,
    outageS: 400,
    value: undefined,
    want: ['firing', T0 + 1000],
  },
] as const) {
  test(`after a restart: ${why}`, async () => {
    const store = memoryStore()
    {
      await using before = bench({ store })
      before.rules.apply([groupOf([alerting('A', 'm > 1', { forMs })])])
      for (let s = 1; s <= 10; s++) {
        before.put(s, { m: 2 })
        await before.at(s)
      }
    }
    await using after = bench({ store })
    after.rules.apply([groupOf([alerting('A', 'm > 1', { forMs })])])
    if (value !== undefined) after.put(10 + outageS, { m: value })
    await after.at(10 + outageS)
    const [alert] = after.last()
    assert.deepEqual([alert?.state, alert?.activeAt], want)
  })
}

test('a rule whose stored alerts may be another rule’s ends none of them', async () => {
  const store = memoryStore()
  const pair = groupOf([alerting('A', 'm > 1'), alerting('A', 'n > 1')])
  {
    await using before = bench({ store })
    before.rules.apply([pair])
    before.put(1, { 'm{k="m"}': 2, 'n{k="n"}': 2 })
    await before.at(1)
  }
  await using after = bench({ store })
  after.rules.apply([pair])
  await after.at(2)
  assert.deepEqual(
    after.last().map(({ state, labels }) => [state, labels.get('k')]),
    [
      ['firing', 'm'],
      ['firing', 'n'],
    ],
  )
})

for (const jumpMs of [3600_000, -3600_000, 86_400_000, -600_000]) {
  test(`a wall clock that jumps by ${jumpMs / 60_000} min neither fires an alert early nor late`, async () => {
    let jump = 0
    const manual = new ManualClock(T0)
    const clock: Clock = {
      now: () => unixMs(manual.now() + jump),
      monotonicMs: () => manual.monotonicMs(),
      sleep: (ms, signal) => manual.sleep(ms, signal),
      ticks: (ms, signal, offset) => manual.ticks(ms, signal, offset),
    }
    // The samples are left out on purpose: only the evaluation's own clock is under test.
    await using b = bench({ clock })
    b.rules.apply([groupOf([alerting('A', 'vector(1)', { forMs: 5000 })], { intervalMs: 3600_000_000 })])
    const states: string[] = []
    for (let s = 1; s <= 7; s++) {
      if (s === 3) jump = jumpMs
      await manual.advance(1000)
      await b.at(s + jump / 1000)
      states.push(b.last()[0]?.state ?? '')
    }
    assert.deepEqual(states, ['pending', 'pending', 'pending', 'pending', 'pending', 'firing', 'firing'])
  })
}

test('groups run by the clock, each at its own place in the interval, until disposal', async () => {
  const clock = new ManualClock(T0)
  {
    await using b = bench({ clock })
    b.rules.apply([groupOf([record('r', 'vector(1)')]), groupOf([record('q', 'vector(1)')], { name: 'h' })])
    await clock.advance(3000)
    const [g, h] = b.rules.status()
    assert.equal(g!.rules[0]!.health, 'ok')
    assert.notEqual(g!.lastEvaluation! % 1000, h!.lastEvaluation! % 1000)
    assert.equal(b.told.length, 6)
  }
})

test('a query offset moves the question and what is written, not the alert’s clock', async () => {
  await using b = bench()
  b.rules.apply([groupOf([record('r', 'm'), alerting('A', 'm > 0')], { queryOffsetMs: 2000 })])
  b.put(1, { m: 1 })
  b.put(3, { m: 9 })
  await b.at(4)
  assert.deepEqual(await b.ask(2, 'r'), ['r 1'])
  assert.equal(b.last()[0]?.activeAt, T0 + 4000)
})
