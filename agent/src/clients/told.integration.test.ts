/** Users and clients as a real process tells them: behind the token, exact, the same key after a restart, all workers together. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Service, startService, until } from '../test-support/service.ts'
import { countUsers, tryDecodeUsers, type UsersReading } from '../users/index.ts'
import { type ClientsReading, tryDecodeClients } from './index.ts'
import { COUNTERS } from './observation.ts'

const TOKEN = { authorization: 'Bearer secret' }
const ENV = { ASSAY_AGENT_TOKEN: 'secret', ASSAY_CLIENTS: 'on', ASSAY_USERS: 'header:x-user-id', ASSAY_SERVICE: 'told' }

function send(port: unknown, path: string, headers: Record<string, string> = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: Number(port), path, headers, agent: false }, (response) => {
      response.resume().on('end', resolve)
    })
      .on('error', reject)
      .end()
  })
}

/** As a scraper does: the address changes threads after the first page, and may refuse for a moment. */
const told = (service: Service, path: string, headers: Record<string, string> = TOKEN): Promise<Response> =>
  until(
    () => fetch(`http://127.0.0.1:${service.metricsPort}/-/assay/${path}`, { headers }),
    () => true,
    2_000,
  )

async function users(service: Service): Promise<UsersReading> {
  const reading = tryDecodeUsers(await (await told(service, 'users')).json())
  assert.ok(reading !== undefined)
  return reading
}

async function clients(service: Service): Promise<ClientsReading> {
  const reading = tryDecodeClients(await (await told(service, 'clients')).json())
  assert.ok(reading !== undefined)
  return reading
}

const today = (reading: UsersReading): number => countUsers([reading], Date.now()).day

test('clients are told with the token alone, and users never by name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-agent-'))
  using _folder = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
  const env = { ...ENV, XDG_RUNTIME_DIR: folder }
  let key: string
  {
    await using service = await startService('plain-service.ts', env)
    await service.metrics(TOKEN)
    await until(
      async () => {
        await send(service.ready['port'], '/', { 'x-user-id': 'person-0' })
        return today(await users(service))
      },
      (count) => count === 1,
    )
    for (let i = 0; i < 40; i++) {
      await send(service.ready['port'], i % 2 === 0 ? '/orders/7' : `/missing/${i}`, {
        'x-user-id': `person-${i % 5}`,
        'x-api-key': 'live_0123456789',
        'user-agent': 'nikto',
      })
    }
    assert.equal((await told(service, 'clients', {})).status, 401)
    assert.equal((await told(service, 'users', {})).status, 401)
    const answer = await (await told(service, 'users')).text()
    assert.ok(!answer.includes('person'), answer)
    const all = await clients(service)
    const [window] = [...all.windows.values()]
    const [address] = window!.get('address')!.entries
    assert.equal(address?.id, '127.0.0.1')
    assert.equal(address?.counts[COUNTERS.indexOf('s404')], 20)
    assert.deepEqual(
      window!
        .get('user')!
        .entries.map(({ id }) => id)
        .sort(),
      [0, 1, 2, 3, 4].map((i) => `person-${i}`),
    )
    assert.ok(!JSON.stringify([...window!.get('key')!.entries]).includes('live_'))
    const reading = await users(service)
    assert.deepEqual([today(reading), reading.service], [5, 'told'])
    assert.match(await service.metrics(TOKEN), /^assay_active_users\{window="1d"\} 5$/m)
    key = reading.key
  }
  await using again = await startService('plain-service.ts', env)
  await again.metrics(TOKEN)
  const reading = await until(
    async () => {
      await send(again.ready['port'], '/', { 'x-user-id': 'person-9' })
      return await users(again)
    },
    (one) => today(one) === 1,
  )
  assert.equal(reading.key, key, 'a restart goes on with the key')
})

test('without ASSAY_CLIENTS there are none, and without a token nobody may ask', async () => {
  await using quiet = await startService('plain-service.ts', { ...ENV, ASSAY_CLIENTS: '' })
  await quiet.metrics(TOKEN)
  assert.equal((await told(quiet, 'clients')).status, 404)
  await using open = await startService('plain-service.ts', { ...ENV, ASSAY_AGENT_TOKEN: '' })
  await open.metrics()
  assert.equal((await told(open, 'clients', {})).status, 403)
})

test('workers tell their clients together', async () => {
  await using service = await startService('cluster-service.ts', ENV)
  await until(
    () => service.metrics(TOKEN),
    (page) => /assay_agent_workers\{state="answered"\} 3/.test(page),
  )
  for (let i = 0; i < 24; i++) await send(service.ready['port'], '/', { 'x-user-id': `person-${i}` })
  const reading = await until(
    () => users(service),
    (one) => today(one) === 24,
  )
  assert.equal(reading.service, 'told')
  const [window] = [...(await clients(service)).windows.values()]
  assert.equal(window!.get('user')!.entries.length, 24)
  const [address] = window!.get('address')!.entries
  assert.equal(address?.counts[0], 24)
})
