import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { INCIDENT_STATES } from '#responder'
import { targetStatus } from '../server.test-support.ts'
import { PART_STATES } from '../wire.ts'
import { ago, facts, incident, now, planPart, policy, readings, signal } from './assay.test-support.ts'
import { overview, partPage } from './overview.ts'
import { instancesExpr } from './readings.ts'
import { SCHEMAS } from './schemas.ts'

const mes = planPart('mes')
const crmDb = planPart('crmDb', { title: 'crm db', kind: 'postgres' })
const REFUSED = 'connection refused by 127.0.0.1:5432; start the database, or correct CRM_DB_URL'
const dbDown = targetStatus('crmDb', { health: 'down', lastError: REFUSED })

test('all is well when every part has data and no incident is open', () => {
  const wire = overview(facts([mes, crmDb]))
  assert.deepEqual([wire.sentence, wire.state], ['All is well.', 'ok'])
  assert.equal(wire.detail, '2 parts watched. No incident so far.')
  assert.deepEqual(
    wire.parts.map(({ state, reason }) => [state, reason]),
    [
      ['ok', ''],
      ['ok', ''],
    ],
  )
})

test('an incident is told like a person would: what, since when, what was done, what comes', () => {
  const acted = { at: ago(30_000), kind: 'acted', text: 'One more instance of mes was started' } as const
  const wire = overview(
    facts([mes], {
      incidents: [incident('1', { state: 'verifying', timeline: [acted] })],
      loop: { approval: () => undefined, verifyUntil: () => ago(-120_000) },
    }),
  )
  assert.equal(wire.sentence, 'mes answers slowly.')
  assert.equal(
    wire.detail,
    'For 3 min. One more instance of mes was started. Watching for 2 min more whether it helps.',
  )
  const [part] = wire.parts
  assert.deepEqual([part?.state, part?.reason, part?.incident], ['verifying', 'p95 latency above 500 ms', '1'])
  assert.equal(part?.since, new Date(ago(180_000)).toISOString())
})

test('a question to a person is the next step', () => {
  const asked = { action: 'a', text: 'start one more instance of mes', expiresAt: ago(-600_000) }
  const wire = overview(
    facts([mes], { incidents: [incident('1')], loop: { approval: () => asked, verifyUntil: () => undefined } }),
  )
  assert.match(wire.detail, /You are asked: start one more instance of mes\. The question stands for 10 min\.$/)
})

test('a part whose target is down is blind, says why and since when, and shows no number', () => {
  const down = facts([crmDb], {
    targets: [dbDown],
    readings: readings({ crmDb_rate: 7 }, { lastUp: new Map([['crmDb', ago(240_000)]]) }),
  })
  const wire = overview(down)
  assert.equal(wire.sentence, "crm db can't be reached: connection refused by 127.0.0.1:5432.")
  assert.equal(
    wire.detail,
    'No data for 4 min: nothing is known of crm db, so nothing acts on it. To do: start the database, or correct CRM_DB_URL.',
  )
  const [part] = wire.parts
  assert.deepEqual(
    [part?.state, part?.reason, part?.signals[0]?.value, part?.instances],
    ['blind', REFUSED, null, null],
  )
  assert.equal(part?.since, new Date(ago(240_000)).toISOString())
})

test('what to do may be a question', () => {
  const lastError = 'connection refused at 127.0.0.1:6312; is it running?'
  const wire = overview(facts([mes], { targets: [targetStatus('mes', { health: 'down', lastError })] }))
  assert.match(wire.detail, /^No data: nothing is known of mes, so nothing acts on it\. To do: is it running\?$/)
})

test('blindness wins over an incident, which stays linked', () => {
  const wire = overview(
    facts([mes], {
      targets: [targetStatus('mes', { health: 'down', lastError: 'refused' })],
      incidents: [incident('1')],
    }),
  )
  assert.deepEqual([wire.parts[0]?.state, wire.parts[0]?.incident, wire.state], ['blind', '1', 'blind'])
})

test('an incident that another one explains is not told twice', () => {
  const cause = incident('1', { title: 'crm db is down', parts: ['crmDb'] })
  const wire = overview(facts([mes, crmDb], { incidents: [cause, incident('2', { cause: '1' })] }))
  assert.equal(wire.sentence, 'crm db is down.')
})

test('more than two troubles are counted and named', () => {
  const incidents = ['a', 'b', 'c'].map((id) => incident(id, { parts: [id], title: `${id} is slow` }))
  assert.equal(
    overview(
      facts(
        ['a', 'b', 'c'].map((id) => planPart(id)),
        { incidents },
      ),
    ).sentence,
    '3 things are wrong: a, b and c.',
  )
})

test('a part that has just started waits for its first data; later the same silence is blindness', () => {
  const silent = { targets: [targetStatus('mes', { health: 'unknown' })], readings: readings() }
  const young = overview(facts([mes], { ...silent, startedAt: ago(44_999) }))
  assert.deepEqual([young.parts[0]?.state, young.parts[0]?.reason], ['pending', 'waiting for the first data'])
  assert.equal(young.sentence, 'Waiting for the first data.')
  assert.equal(overview(facts([mes], { ...silent, startedAt: ago(45_000) })).parts[0]?.state, 'blind')
})

test('a part that is refused at the start is blind at once: its reason is known', () => {
  assert.equal(
    overview(facts([crmDb], { targets: [dbDown], readings: readings(), startedAt: now })).parts[0]?.state,
    'blind',
  )
})

test('a part that answers without its series is blind', () => {
  const wire = overview(facts([mes], { readings: readings() }))
  assert.deepEqual([wire.parts[0]?.state, wire.parts[0]?.reason], ['blind', 'it answers, but without its series'])
  assert.equal(wire.sentence, "mes can't be seen: it answers, but without its series.")
})

test('numbers that could not be asked for are not the same as numbers that are not there', () => {
  const wire = overview(facts([mes], { readings: readings({}, { failed: new Set(['mes_rate']) }) }))
  assert.match(wire.parts[0]?.reason ?? '', /could not be queried/)
})

test('one instance of several that is down is named, and the part still has data', () => {
  const wire = overview(
    facts([mes], { targets: [targetStatus('mes'), targetStatus('mes', { health: 'down', lastError: 'refused' })] }),
  )
  assert.deepEqual(
    [wire.parts[0]?.state, wire.parts[0]?.reason],
    ['pending', "1 of 2 instances can't be reached: refused"],
  )
})

test('a condition that holds but has not lasted is pending', () => {
  const alert = {
    fingerprint: 'x',
    rule: 'mesSlow',
    group: 'g',
    state: 'pending',
    labels: Labels.empty,
    annotations: {},
    value: 1,
    activeAt: ago(60_000),
    firedAt: undefined,
    resolvedAt: undefined,
  } as const
  const rule = {
    kind: 'alert',
    alert: 'mesSlow',
    expr: 'x',
    forMs: 0,
    keepFiringForMs: 0,
    labels: {},
    annotations: {},
  } as const
  const group = { name: 'g', file: '', intervalMs: 1, limit: 0, queryOffsetMs: 0, rules: [rule] }
  const status = { health: 'ok', lastError: '', lastEvaluation: now, evaluationTimeMs: 1, alerts: [alert] } as const
  const given = facts(
    [mes],
    { groups: [{ group, lastEvaluation: now, evaluationTimeMs: 1, rules: [status] }] },
    { policies: [policy('mesSlow')] },
  )
  const wire = overview(given)
  assert.equal(wire.sentence, 'mes is being watched: p95 latency above 500 ms.')
  assert.equal(wire.parts[0]?.since, new Date(ago(60_000)).toISOString())
  assert.equal(partPage(mes, given).policies[0]?.state, 'pending')
})

test('a rule that watches one part makes only that part pending, and says what it found', () => {
  const rules = ['mes', 'crmDb'].map(
    (part) =>
      ({
        kind: 'alert',
        alert: 'full',
        expr: 'x',
        forMs: 0,
        keepFiringForMs: 0,
        labels: { part },
        annotations: {},
      }) as const,
  )
  const group = { name: 'g', file: '', intervalMs: 1, limit: 0, queryOffsetMs: 0, rules }
  const alert = {
    fingerprint: 'x',
    rule: 'full',
    group: 'g',
    state: 'pending',
    labels: Labels.empty,
    annotations: { summary: 'crm db fills up' },
    value: 1,
    activeAt: now,
    firedAt: undefined,
    resolvedAt: undefined,
  } as const
  const status = { health: 'ok', lastError: '', lastEvaluation: now, evaluationTimeMs: 1, alerts: [] } as const
  const groups = [{ group, lastEvaluation: now, evaluationTimeMs: 1, rules: [status, { ...status, alerts: [alert] }] }]
  const { condition: _, ...full } = policy('full', { parts: ['mes', 'crmDb'], title: 'something fills up' })
  const given = facts([mes, crmDb], { groups }, { policies: [full] })
  assert.deepEqual(
    overview(given).parts.map(({ state, reason }) => [state, reason]),
    [
      ['ok', ''],
      ['pending', 'crm db fills up'],
    ],
  )
  assert.equal(partPage(mes, given).policies[0]?.state, 'pending')
})

test('a paused loop is said even when all is well', () => {
  const wire = overview(facts([mes], { mode: 'paused' }))
  assert.deepEqual([wire.state, wire.sentence], ['paused', 'All is well.'])
  assert.match(wire.detail, /Acting is paused\.$/)
})

test('open incidents come first, then those of the last day, each newest first', () => {
  const done = (id: string, ms: number) =>
    incident(id, { state: 'resolved', openedAt: ago(ms), resolvedAt: ago(ms - 1000) })
  const incidents = [
    done('old', 90_000_000),
    done('b', 5000),
    done('a', 4000),
    incident('open', { openedAt: ago(80_000_000) }),
  ]
  assert.deepEqual(
    overview(facts([mes], { incidents })).incidents.map(({ id }) => id),
    ['open', 'a', 'b'],
  )
})

test('signals, edges and callers show numbers where there are some and null where not', () => {
  const shop = planPart('shop', { signals: [signal('cpu', { form: 'bar', of: 'limit', limit: 0.8 }), signal('gone')] })
  const edges = [
    { from: 'shop', to: 'mes', channel: 'internal', rate: 'r', errors: 'e' },
    { from: 'shop', to: 'x' },
  ]
  const callers = [{ id: 'c', title: 'customers', to: 'shop', rate: 'r', now: 'n' }]
  const values = { cpu: 0.4, limit: 2, r: 3, [instancesExpr('shop')]: 4 }
  const wire = overview(facts([shop], { readings: readings(values) }, { edges, callers }))
  const [part] = wire.parts
  assert.deepEqual(
    part?.signals.map(({ value, of, limit }) => [value, of, limit]),
    [
      [0.4, 2, 0.8],
      [null, null, null],
    ],
  )
  assert.equal(part?.instances, 4)
  assert.deepEqual(wire.edges, [
    { from: 'shop', to: 'mes', channel: 'internal', measured: true, rate: 3, errors: null },
    { from: 'shop', to: 'x', channel: null, measured: false, rate: null, errors: null },
  ])
  assert.deepEqual(wire.callers, [
    { id: 'c', title: 'customers', to: 'shop', channel: null, rate: 3, now: null, today: null },
  ])
})

test('an overview without parts says what to do', () => {
  assert.equal(overview(facts([])).sentence, 'Nothing is watched yet.')
})

test('whatever is known, the overview has its shape, and never calls a part well that has no data', () => {
  const health = fc.constantFrom('up', 'down', 'unknown')
  const world = fc.record({
    healths: fc.array(health, { maxLength: 3 }),
    states: fc.array(fc.constantFrom(...INCIDENT_STATES), { maxLength: 3 }),
    value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: undefined }),
    age: fc.integer({ min: 0, max: 100_000 }),
    paused: fc.boolean(),
  })
  fc.assert(
    fc.property(world, ({ healths, states, value, age, paused }) => {
      const wire = overview(
        facts([mes], {
          targets: healths.map((one) =>
            targetStatus('mes', { health: one, lastError: one === 'down' ? 'refused' : '' }),
          ),
          incidents: states.map((state, i) =>
            incident(String(i), { state, resolvedAt: state === 'resolved' ? now : undefined }),
          ),
          readings: readings(value === undefined ? {} : { mes_rate: value }),
          startedAt: ago(age),
          mode: paused ? 'paused' : 'auto',
        }),
      )
      SCHEMAS.Overview.parse(wire)
      assert.ok(PART_STATES.includes(wire.state))
      assert.match(wire.sentence, /\.$/)
      if (wire.parts[0]?.state === 'ok') assert.ok(value !== undefined && states.every((state) => state === 'resolved'))
      if (wire.sentence === 'All is well.') assert.ok(wire.state === 'ok' || wire.state === 'paused')
    }),
  )
})
