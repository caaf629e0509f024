import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from '#promql'
import {
  api,
  bucket,
  defineSystem,
  email,
  notify,
  pm2,
  postgres,
  rabbitmq,
  restart,
  scaleOut,
  ticket,
  when,
} from './index.ts'

const developers = email({
  name: 'developers',
  to: 'dev@workshop.example',
  from: 'assay@workshop.example',
  smtp: { env: 'SMTP_URL' },
})
const support = email({
  name: 'support',
  to: 'help@workshop.example',
  from: 'assay@workshop.example',
  smtp: { env: 'SMTP_URL' },
})
const runtime = pm2({ home: '/tmp/pm2' })

function workshop() {
  const mesDb = postgres({ url: { env: 'MES_DB_URL' } })
  const broker = rabbitmq({ management: { env: 'RABBITMQ_URL' }, deadLetters: ['orders.dead'] })
  const models = bucket({ endpoint: { env: 'S3_ENDPOINT' }, name: 'models', capacity: '500 GiB' })
  const mes = api({
    targets: ['127.0.0.1:2433'],
    users: true,
    uses: [mesDb, broker, models],
    channels: { internal: ['10.0.0.0/8'], open: 'rest' },
    callers: { open: 'partners' },
  })
  const crm = api({ targets: ['127.0.0.1:2432'], uses: [broker], callers: 'staff' })
  return { mesDb, broker, models, mes, crm }
}

function plan() {
  const { mesDb, broker, models, mes, crm } = workshop()
  return defineSystem({
    name: 'workshop',
    parts: { mes, crm, mesDb, broker, models },
    policies: {
      mesSlow: when(mes.latency.p95).above('500ms').for('5m').do(ticket(developers)),
      mesBusy: when(mes.rate.perInstance)
        .above('100/s')
        .for('2m')
        .do(scaleOut(mes, { on: runtime, min: 1, max: 4 })),
      crmErrors: when(crm.errors.ratio).above('5%').for('5m').do(notify(support)),
      crmSaturated: when(crm.saturation)
        .above('80%')
        .for('5m')
        .do(restart(crm, { on: runtime })),
    },
    tell: support,
  })
}

test('the four policies become alerting rules, specs, receivers and a runtime', () => {
  const { ruleGroups, policies, receivers, runtimes } = plan()
  const rules = ruleGroups.find(({ name }) => name === 'policies')?.rules ?? []
  assert.deepEqual(
    rules.map((rule) => rule.kind === 'alert' && [rule.alert, rule.forMs, rule.labels['part']]),
    [
      ['mesSlow', 300_000, 'mes'],
      ['mesBusy', 120_000, 'mes'],
      ['crmErrors', 300_000, 'crm'],
      ['crmSaturated', 300_000, 'crm'],
    ],
  )
  assert.deepEqual(
    policies.slice(0, 4).map(({ mode }) => mode),
    ['auto', 'suggest', 'auto', 'suggest'],
    'machines are touched only when asked to',
  )
  assert.equal(policies[0]?.title, 'mes answers slowly: p95 above 500ms for 5m')
  assert.equal(policies[0]?.condition?.threshold, 0.5)
  assert.deepEqual(
    receivers.map(({ name }) => name),
    ['developers', 'support'],
  )
  assert.deepEqual(
    runtimes.map(({ name }) => name),
    ['pm2'],
  )
})

test('every expression of a plan is PromQL', () => {
  const { parts, edges, callers, ruleGroups, policies } = plan()
  const expressions = [
    ...parts.flatMap(({ signals, charts }) => [
      ...signals.flatMap(({ expr, of }) => (of === undefined ? [expr] : [expr, of])),
      ...charts.map(({ expr }) => expr),
    ]),
    ...edges.flatMap(({ rate, errors }) => [rate, errors]),
    ...callers.flatMap(({ rate, now, today }) => [rate, now, today]),
    ...ruleGroups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ...policies.flatMap(({ condition }) => [condition?.expr, condition?.measure]),
  ].filter((expr) => expr !== undefined)
  assert.ok(expressions.length > 60)
  for (const expr of expressions) assert.doesNotThrow(() => parse(expr), expr)
})

test('a plan is data: it survives JSON and holds no secret', () => {
  const text = JSON.stringify(plan())
  assert.deepEqual(JSON.parse(text), plan())
  assert.match(text, /"env":"RABBITMQ_URL"/)
})

test('a policy limit is the limit of the signal that shows its measure', () => {
  const mes = plan().parts.find(({ id }) => id === 'mes')
  assert.equal(mes?.signals.find(({ id }) => id === 'latency.p95')?.limit, 0.5)
  assert.equal(mes?.signals.find(({ id }) => id === 'errors.ratio')?.limit, undefined)
})

test('a channel has measures of its own', () => {
  const { mes } = workshop()
  const built = defineSystem({
    name: 'one',
    parts: { mes, ...(({ mesDb, broker, models }) => ({ mesDb, broker, models }))({ ...partsOf(mes) }) },
    policies: { openSlow: when(mes.channel.open.latency.p95).above('1s').do(ticket(developers)) },
  })
  assert.match(built.policies[0]?.condition?.measure ?? '', /channel="open"/)
})

function partsOf(mes: ReturnType<typeof workshop>['mes']) {
  const [mesDb, broker, models] = mes.options.uses ?? []
  assert.ok(mesDb !== undefined && broker !== undefined && models !== undefined)
  return { mesDb, broker, models }
}

test('edges carry their channel and callers their people', () => {
  const { edges, callers } = plan()
  assert.deepEqual(
    callers.map(({ id, title, to, channel }) => [id, title, to, channel]),
    [
      ['mes.open', 'partners', 'mes', 'open'],
      ['crm.staff', 'staff', 'crm', undefined],
    ],
  )
  assert.ok(
    edges.some(({ from, to, rate }) => from === 'mes' && to === 'mesDb' && rate?.includes('db_client_operation')),
  )
  assert.ok(edges.some(({ from, to, rate }) => from === 'mes' && to === 'models' && rate === undefined))
})

const broken: readonly { readonly why: string; readonly make: () => unknown; readonly says: RegExp }[] = [
  {
    why: 'a part that is used but not listed',
    make: () => defineSystem({ name: 'x', parts: { crm: api({ targets: ['a:1'], uses: [postgres({ url: 'x' })] }) } }),
    says: /parts\.crm\.uses refers to a part \(postgres\) that is not listed; add it to parts: \{ crm, \.\.\. \}/,
  },
  {
    why: 'one value under two names',
    make: () => {
      const crm = api({ targets: ['a:1'] })
      return defineSystem({ name: 'x', parts: { crm, copy: crm } })
    },
    says: /copy and crm are the same value/,
  },
  {
    why: 'a name with a space',
    make: () => defineSystem({ name: 'x', parts: { 'my crm': api({ targets: ['a:1'] }) } }),
    says: /begin with a letter/,
  },
  {
    why: 'a target with a scheme',
    make: () => defineSystem({ name: 'x', parts: { crm: api({ targets: ['http://a:1'] }) } }),
    says: /write host:port/,
  },
  {
    why: 'no target',
    make: () => defineSystem({ name: 'x', parts: { crm: api({ targets: [] }) } }),
    says: /targets is empty/,
  },
  {
    why: 'a policy named as a built-in one',
    make: () => {
      const crm = api({ targets: ['a:1'] })
      return defineSystem({
        name: 'x',
        parts: { crm },
        policies: { partDown: when(crm.rate).above('1/s').do(notify(support)) },
      })
    },
    says: /partDown: that name is taken/,
  },
  {
    why: 'two receivers of one name',
    make: () => {
      const crm = api({ targets: ['a:1'] })
      const other = email({
        name: 'support',
        to: 'other@workshop.example',
        from: 'a@workshop.example',
        smtp: 'smtp://127.0.0.1',
      })
      return defineSystem({
        name: 'x',
        parts: { crm },
        policies: { a: when(crm.rate).above('1/s').do(notify(support), notify(other)) },
      })
    },
    says: /two receivers are named "support"/,
  },
  {
    why: 'a size without a unit',
    make: () => bucket({ endpoint: 'x', name: 'm', capacity: '500' as '500 B' }),
    says: /not a size: "500"/,
  },
]

for (const { why, make, says } of broken) {
  test(`${why} is refused with the next step`, () => {
    assert.throws(make, says)
  })
}

test('parts that use each other in a circle are refused', () => {
  const uses: ReturnType<typeof api>[] = []
  const a = api({ targets: ['a:1'], uses })
  const b = api({ targets: ['b:1'], uses: [a] })
  uses.push(b)
  assert.throws(() => defineSystem({ name: 'x', parts: { a, b } }), /a -> b -> a/)
})

test('the token of an agent is sent by its scrapes and by who asks for its users', () => {
  const token = { env: 'SHOP_AGENT_TOKEN' }
  const { scrapes, collectors } = defineSystem({
    name: 'x',
    parts: { shop: api({ targets: ['a:1'], token, users: true }), crm: api({ targets: ['b:1'] }) },
  })
  assert.deepEqual(
    scrapes.map(({ authorization }) => authorization),
    [{ type: 'Bearer', credentials: token }, undefined],
  )
  assert.deepEqual(collectors, [{ kind: 'users', part: 'shop:users', service: 'shop', targets: ['a:1'], token }])
})
