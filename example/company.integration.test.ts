/** The company, without assay: an order goes all the way, each fault is seen from outside and heals, nothing is left behind. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { signToken } from './company/base/tokens.ts'
import { formatStl, meshOf } from './company/mes/mesh.ts'
import type { Demo } from './demo.ts'
import { PM2_COMMAND } from './parts/pm2.ts'
import { startOf } from './processes/identity.ts'
import { ask, scrape, startCompanyAlone, type Told, until } from './testing.ts'

const run = promisify(execFile)
let demo: Demo & { readonly data: string }
let shop: string
let crm: string
let mes: string
let secrets: Readonly<Record<string, string>>
let staff: Readonly<Record<string, string>>
let partner: Readonly<Record<string, string>>

before(async () => {
  demo = await startCompanyAlone({ load: false })
  shop = `http://127.0.0.1:${demo.ports.shop}`
  crm = `http://127.0.0.1:${demo.ports.crm}`
  mes = `http://127.0.0.1:${demo.ports.mes}`
  secrets = JSON.parse(readFileSync(join(demo.data, 'secrets.json'), 'utf8')) as Readonly<Record<string, string>>
  staff = { authorization: `Bearer ${signToken('tester1', secrets['company'] ?? '', Date.now())}` }
  partner = { 'x-api-key': signToken('partner-1', secrets['company'] ?? '', Date.now()) }
})
after(async () => {
  await demo?.[Symbol.asyncDispose]()
})

const shape = { width: 20, depth: 30, height: 40, twist: 10 }
const price = () =>
  ask(`${mes}/price`, { method: 'POST', headers: partner, json: { material: 'pla', quantity: 3, model: { shape } } })
const customer = (id: number) => ask(`${crm}/customers/${id}`, { headers: staff })
const pidsOf = (name: string) => demo.status().parts.find((part) => part.name === name)?.pids ?? []
const session = async () => {
  const { cookie } = await ask(`${shop}/login`, {
    method: 'POST',
    json: { email: 'customer7@example.test', password: 'workshop' },
  })
  return { cookie }
}
async function placeOrder(headers: Readonly<Record<string, string>>, model?: Uint8Array<ArrayBuffer>): Promise<string> {
  const key =
    model === undefined
      ? undefined
      : (await ask(`${shop}/models`, { method: 'POST', headers, bytes: model })).body['key']
  const { status, body } = await ask(`${shop}/orders`, {
    method: 'POST',
    headers,
    json: { product: 5, quantity: 2, model: key },
  })
  assert.equal(status, 202)
  return String(body['id'])
}
const untilPriced = (headers: Readonly<Record<string, string>>, id: string) =>
  until(`order ${id} is priced`, async () => {
    const { body } = await ask(`${shop}/orders/${id}`, { headers })
    return body['status'] === 'priced' ? body : undefined
  })
const queue = async (name: string) => {
  const authorization = `Basic ${Buffer.from(`company:${secrets['rabbitmq']}`).toString('base64')}`
  const { body } = await ask(`http://127.0.0.1:${demo.ports.management}/api/queues/%2F/${name}`, {
    headers: { authorization },
  })
  return { ready: Number(body['messages_ready'] ?? 0), unacked: Number(body['messages_unacknowledged'] ?? 0) }
}

test('an order with a model goes from the shop over outbox and broker to the MES and comes back priced', async () => {
  const headers = await session()
  const id = await placeOrder(headers, Uint8Array.from(formatStl(meshOf(shape))))
  const order = await untilPriced(headers, id)
  assert.ok(Number(order['cents']) > 0)
  const job = await ask(`${mes}/jobs/${id}`, { headers: partner })
  assert.equal(job.body['cents'], order['cents'], 'the MES has the job at the price that the shop shows')
  await until('the CRM knows the order', async () => {
    const { body } = await ask(`${crm}/orders`, { headers: staff })
    const found = (body['orders'] as { id: string; status: string }[]).find((one) => one.id === id)
    return found?.status === 'priced' ? true : undefined
  })
})

test('nobody gets in without a session, a token or a key', async () => {
  for (const url of [`${shop}/orders`, `${crm}/customers/1`, `${mes}/jobs`])
    assert.equal((await ask(url)).status, 401, url)
  const wrong = await ask(`${shop}/login`, { method: 'POST', json: { email: 'customer7@example.test', password: 'x' } })
  assert.equal(wrong.status, 401)
})

test('the agent in each service tells of its requests, by channel where the service has channels', async () => {
  const { cookie } = await session()
  await ask(`${shop}/quotes`, { method: 'POST', headers: { cookie }, json: { product: 3, quantity: 1 } })
  await price()
  const samples = await until('both channels are seen', async () => {
    const found = await scrape(
      `http://127.0.0.1:${demo.ports.mesAgent}/metrics`,
      'http_server_request_duration_seconds_count',
    )
    const channels = ['internal', 'open'].filter((name) =>
      found.some(({ labels }) => labels.includes('/price') && labels.includes(`channel="${name}"`)),
    )
    return channels.length === (process.platform === 'linux' ? 2 : 1) ? found : undefined
  })
  assert.ok(samples.length > 0)
})

test('mes-slow: prices wait on a lock without any load, and do not when it is healed', async () => {
  assert.ok((await price()).ms < 500)
  await demo.break('mes-slow')
  const slow: Told[] = []
  for (let i = 0; i < 4; i++) slow.push(await price())
  assert.ok(slow.every(({ status }) => status === 200))
  assert.ok(slow.filter(({ ms }) => ms > 500).length >= 2, slow.map(({ ms }) => Math.round(ms)).join(' ms, '))
  await demo.heal('mes-slow')
  await until('a price is quick again', async () => ((await price()).ms < 500 ? true : undefined))
})

test('crm-errors: customers without a telephone fail, and do not when it is healed', async () => {
  assert.equal((await customer(4)).status, 200)
  await demo.break('crm-errors')
  await until('the page of a customer without a telephone fails', async () =>
    (await customer(4)).status === 500 ? true : undefined,
  )
  assert.equal((await customer(5)).status, 200, 'others are served')
  await demo.heal()
  await until('it is served again', async () => ((await customer(4)).status === 200 ? true : undefined))
})

test('crm-saturated: the event loops are busy until the processes are restarted, one by one, while it keeps serving', async () => {
  const busy = async () => {
    const active = () =>
      scrape(`http://127.0.0.1:${demo.ports.crmAgent}/metrics`, 'nodejs_eventloop_active_seconds_total')
    const [first, began] = [await active(), performance.now()]
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const seconds = (performance.now() - began) / 1000
    return (await active()).map(
      ({ labels, value }) => (value - (first.find((one) => one.labels === labels)?.value ?? 0)) / seconds,
    )
  }
  await demo.break('crm-saturated')
  const shares = await until('both processes are saturated', async () => {
    const found = await busy()
    return found.length === 2 && found.every((share) => share > 0.8) ? found : undefined
  })
  assert.equal(shares.length, 2)
  const before = pidsOf('crm')
  const failures: string[] = []
  let serving = true
  const asking = (async () => {
    while (serving)
      await ask(`${crm}/health`).then(
        ({ status }) => status === 200 || failures.push(String(status)),
        (err: unknown) => failures.push(String(err)),
      )
  })()
  await run(PM2_COMMAND[0], [...PM2_COMMAND.slice(1), 'reload', 'crm'], {
    env: { PM2_HOME: join(demo.data, 'pm2'), PATH: process.env['PATH'] ?? '' },
  })
  serving = false
  await asking
  assert.deepEqual(failures, [], 'no request was refused meanwhile')
  assert.ok(
    pidsOf('crm').every((pid) => !before.includes(pid)),
    'every process is a new one',
  )
  assert.ok(
    (await busy()).every((share) => share < 0.8),
    'the fault is still on, but a new process does not have it',
  )
  await demo.heal()
})

test('consumer-stuck: orders stay in flight and unpriced, and are priced when it is healed', async () => {
  const headers = await session()
  await demo.break('consumer-stuck')
  await new Promise((resolve) => setTimeout(resolve, 600)) // longer than a process takes to look at the board
  const ids = await Promise.all(Array.from({ length: 3 }, () => placeOrder(headers)))
  await until('messages are in flight', async () => ((await queue('mes.orders')).unacked >= 3 ? true : undefined))
  await demo.heal('consumer-stuck')
  for (const id of ids) await untilPriced(headers, id)
  await until('none is in flight', async () => ((await queue('mes.orders')).unacked === 0 ? true : undefined))
})

test('an order whose model is cut off becomes a dead letter', async () => {
  const headers = await session()
  const { ready } = await queue('orders.dead')
  const whole = formatStl(meshOf(shape))
  await placeOrder(headers, Uint8Array.from(whole.subarray(0, 1000)))
  await until('there is one dead letter more', async () =>
    (await queue('orders.dead')).ready === ready + 1 ? true : undefined,
  )
})

test('database-down: the server of the CRM is gone and comes back with its data', async () => {
  const pids = pidsOf('crm')
  await demo.break('database-down')
  assert.deepEqual(pidsOf('crm-postgres'), [])
  assert.equal((await customer(5)).status, 500)
  assert.equal((await price()).status, 200, 'the MES has another server')
  await demo.heal('database-down')
  await until('the CRM serves again', async () => ((await customer(5)).status === 200 ? true : undefined))
  assert.deepEqual(pidsOf('crm'), pids, 'without a restart')
})

test('connections-leak: connections climb, and fall when it is healed', async () => {
  const count = async () => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: demo.ports.crmPostgres,
      user: 'monitor',
      password: secrets['monitor'] ?? '',
      database: 'crm',
    })
    await client.connect()
    try {
      const { rows } = await client.query<{ count: number }>(
        "select count(*)::int as count from pg_stat_activity where usename = 'crm'",
      )
      return rows[0]?.count ?? 0
    } finally {
      await client.end()
    }
  }
  const before = await count()
  await demo.break('connections-leak')
  await until('there are 8 more', async () => ((await count()) >= before + 8 ? true : undefined))
  await demo.heal('connections-leak')
  await until('they are gone', async () => ((await count()) <= before + 2 ? true : undefined))
})

test('an unknown fault is refused over HTTP with the known ones, and a web page is not listened to', async () => {
  const control = `http://127.0.0.1:${demo.ports.control}`
  const { status, body } = await ask(`${control}/break/nonsense`, { method: 'POST' })
  assert.equal(status, 404)
  assert.match(String(body['error']), /mes-slow/)
  assert.equal((await ask(`${control}/heal`, { method: 'POST', headers: { origin: 'http://evil.test' } })).status, 403)
  assert.equal((await ask(`${control}/status`)).status, 200)
})

test('stopped, it leaves no process behind', async () => {
  const pids = demo.status().parts.flatMap((part) => part.pids)
  const records = readdirSync(join(demo.data, 'run'))
  assert.ok(pids.length >= 9, `${pids.length} processes`)
  assert.ok(records.length >= 7, records.join(', '))
  await demo[Symbol.asyncDispose]()
  for (const pid of pids) assert.equal(startOf(pid), undefined, `process ${pid}`)
})
