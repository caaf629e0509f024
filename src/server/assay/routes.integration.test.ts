import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssayError, unixMs } from '#core'
import { NOW, openWorld, targetStatus, type World } from '../server.test-support.ts'
import { incident, planPart, policy } from './assay.test-support.ts'
import { BASE } from './openapi.ts'
import { ROUTES } from './routes.ts'
import { SCHEMAS } from './schemas.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

async function openFull(): Promise<World> {
  const world = await openWorld()
  world.plan = { ...world.plan, parts: [planPart('mes')], policies: [policy('mesSlow')] }
  world.targets.push(targetStatus('mes'))
  world.incidents.push(
    incident('1', { openedAt: unixMs(NOW - 9000), state: 'resolved', resolvedAt: unixMs(NOW) }),
    incident('2', {
      timeline: [
        { at: unixMs(NOW), kind: 'refused', text: 'x', rails: [{ rail: 'cooldown', allow: false, reason: 'y' }] },
      ],
    }),
  )
  world.tickets.push({
    id: 'T-1',
    title: 't',
    state: 'open',
    incident: '2',
    receiver: 'developers',
    openedAt: unixMs(NOW),
    closedAt: undefined,
    comments: [{ at: unixMs(NOW), text: 'c' }],
  })
  return world
}

const IDS: Readonly<Record<string, string>> = { '/parts/:id': 'mes', '/tickets/:id': 'T-1' }
const BODIES: Readonly<Record<string, string>> = { Approval: '{"action":"a1"}', Empty: '{}' }

for (const route of ROUTES) {
  if (route.mediaType !== undefined) continue
  test(`${route.method} ${route.path} answers as its schema says`, async () => {
    await using world = await openFull()
    const path = BASE + route.path.replace(':id', IDS[route.path] ?? '2')
    const init =
      route.method === 'POST' ? { method: 'POST', headers: JSON_TYPE, body: BODIES[route.body ?? ''] ?? '' } : {}
    const answer = await world.get(path, init)
    assert.equal(answer.status, 200, answer.text)
    SCHEMAS[route.answer].parse(answer.json)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
  })
  if (!route.path.includes(':id')) continue
  test(`${route.method} ${route.path} of what is not there is a 404`, async () => {
    await using world = await openFull()
    const init =
      route.method === 'POST' ? { method: 'POST', headers: JSON_TYPE, body: BODIES[route.body ?? ''] ?? '' } : {}
    const answer = await world.get(BASE + route.path.replace(':id', 'nobody'), init)
    assert.equal(answer.status, 404)
    SCHEMAS.Error.parse(answer.json)
  })
}

test('the document describes every route, and every reference in it leads somewhere', async () => {
  await using world = await openFull()
  const document = (await world.get(`${BASE}/openapi.json`)).json
  assert.equal(document.openapi, '3.1.0')
  assert.equal(document.servers[0].url, world.server.url)
  for (const { method, path, id } of ROUTES) {
    const found = document.paths[BASE + path.replace(':id', '{id}')]?.[method.toLowerCase()]
    assert.equal(found?.operationId, id)
  }
  const text = JSON.stringify(document)
  const references = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name))
  assert.ok(references.size > 15)
  for (const name of references) assert.ok(document.components.schemas[String(name)] !== undefined, String(name))
  assert.ok(!text.includes('"additionalProperties":false'), 'readers let pass what they do not know')
})

test('nothing under our path is served that the list does not have', async () => {
  await using world = await openFull()
  assert.equal((await world.get(`${BASE}/nothing`)).status, 404)
  assert.equal((await world.get(`${BASE}/overview`, { method: 'POST', headers: JSON_TYPE, body: '{}' })).status, 405)
})

test('incidents are newest first and have the fixed shape', async () => {
  await using world = await openFull()
  const { incidents } = (await world.get(`${BASE}/incidents`)).json
  assert.deepEqual(
    incidents.map((one: { id: string }) => one.id),
    ['1', '2'],
  )
  assert.equal(incidents[0].resolvedAt, new Date(NOW).toISOString())
  assert.equal(incidents[1].resolvedAt, null)
  assert.deepEqual(incidents[1].timeline, [
    {
      at: new Date(NOW).toISOString(),
      kind: 'refused',
      text: 'x',
      rails: [{ rail: 'cooldown', allow: false, reason: 'y' }],
    },
  ])
  assert.equal((await world.get(`${BASE}/incidents?state=open`)).json.incidents.length, 1)
  assert.equal((await world.get(`${BASE}/incidents?limit=1`)).json.incidents.length, 1)
})

test('pausing, resuming and approving reach the loop, with who asked', async () => {
  await using world = await openFull()
  const post = (path: string, body?: string) =>
    world.get(BASE + path, { method: 'POST', headers: JSON_TYPE, ...(body === undefined ? {} : { body }) })
  assert.deepEqual((await post('/pause')).json, { mode: 'paused' })
  assert.deepEqual((await post('/resume', '{}')).json, { mode: 'auto' })
  assert.equal((await post('/incidents/2/approve', '{"action":"a1"}')).json.id, '2')
  assert.deepEqual(world.calls, [
    'pause by someone at 127.0.0.1',
    'resume by someone at 127.0.0.1',
    'approve 2 a1 by someone at 127.0.0.1',
  ])
})

const refusals: readonly { why: string; status: number; init: RequestInit }[] = [
  { why: 'without a type', status: 415, init: { body: '' } },
  {
    why: 'as a form',
    status: 415,
    init: { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' },
  },
  {
    why: 'as text, which needs no leave',
    status: 415,
    init: { headers: { 'content-type': 'text/plain' }, body: '{}' },
  },
  { why: 'that is no JSON', status: 400, init: { headers: JSON_TYPE, body: '{' } },
  { why: 'with a field that is not asked for', status: 400, init: { headers: JSON_TYPE, body: '{"x":1}' } },
  { why: 'that is too long', status: 413, init: { headers: JSON_TYPE, body: `"${'x'.repeat(20_000)}"` } },
  {
    why: 'from a page elsewhere',
    status: 403,
    init: { headers: { ...JSON_TYPE, origin: 'https://evil.example' }, body: '{}' },
  },
]
for (const { why, status, init } of refusals) {
  test(`a call to pause ${why} changes nothing`, async () => {
    await using world = await openFull()
    const answer = await world.get(`${BASE}/pause`, { method: 'POST', ...init })
    assert.equal(answer.status, status, answer.text)
    SCHEMAS.Error.parse(answer.json)
    assert.deepEqual(world.calls, [])
  })
}

test('an approval that no longer stands is a conflict', async () => {
  const gone = new AssayError('ASSAY_APPROVAL_EXPIRED', 'the question expired at 14:02; look at the incident again')
  await using world = await openWorld({ deps: { loop: loopThat(() => Promise.reject(gone)) } })
  const answer = await world.get(`${BASE}/incidents/2/approve`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: '{"action":"a"}',
  })
  assert.deepEqual([answer.status, answer.json.error], [409, gone.message])
})

function loopThat(approve: () => Promise<void>) {
  const nothing = async () => {}
  return {
    incidents: () => [incident('2')],
    incident: () => incident('2'),
    tickets: () => [],
    mode: () => 'auto' as const,
    approval: () => undefined,
    verifyUntil: () => undefined,
    approve,
    pause: nothing,
    resume: nothing,
  }
}

test('events are followed over HTTP, and end with the server', async () => {
  const world = await openFull()
  const response = await fetch(`${world.server.url}${BASE}/events`)
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = (await reader.read()).value ?? ''
  world.publish({ kind: 'incident', id: '2', state: 'acting' })
  while (!text.includes('data:')) text += (await reader.read()).value ?? ''
  assert.match(text, /event: incident\ndata: \{"kind":"incident","id":"2","state":"acting"\}\n\n/)
  await world[Symbol.asyncDispose]()
  assert.ok((await reader.read()).done)
})

test('one follower more than may is refused', async () => {
  await using world = await openWorld({ server: { maxEventClients: 0 } })
  assert.equal((await world.get(`${BASE}/events`)).status, 503)
})
