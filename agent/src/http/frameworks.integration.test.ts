import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { parsePage, samplesOf } from '../test-support/parse-page.ts'
import { type Service, startService } from '../test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'

type Case = {
  readonly path: string
  readonly method?: string
  readonly status: number
  /** undefined: no route. */
  readonly route: string | undefined
  readonly why: string
}

const express = (wildcard: string): readonly Case[] => [
  {
    path: '/tenants/acme/boom/5',
    route: '/tenants/:tenant/boom/:id',
    status: 500,
    why: 'baseUrl is reset after next(err)',
  },
  { path: '/tenants/acme/fine/5', route: '/tenants/:tenant/fine/:id', status: 200, why: 'a parameter in the mount' },
  { path: '/tenants/acme/two/5', route: '/tenants/:tenant/two/:id', status: 200, why: 'a route with two paths' },
  { path: '/tenants/acme/deep/7', route: '/tenants/:tenant/deep/:floor', status: 200, why: 'routers in routers' },
  { path: '/first/x/1', route: '/first/x/:id', status: 200, why: 'a router mounted twice' },
  { path: '/second/x/1', route: '/second/x/:id', status: 200, why: 'its other place' },
  { path: '/inner/item/5', route: '/inner/item/:id', status: 200, why: 'an application in an application' },
  { path: '/re12gex', route: '/^\\/re(.*)gex$/', status: 200, why: 'a regular expression' },
  { path: '/files/a/b.txt', route: wildcard, status: 200, why: 'a wildcard' },
  { path: '/late/5', route: '/late/:id', status: 500, why: 'an error that comes later' },
  { path: '/passed/5', route: '/passed/:id', status: 404, why: 'a route that passes on, and nobody else answers' },
  {
    path: '/tenants/acme/fine/5',
    method: 'HEAD',
    route: '/tenants/:tenant/fine/:id',
    status: 200,
    why: "HEAD is GET's route",
  },
  { path: '/posted', method: 'OPTIONS', route: undefined, status: 200, why: 'Express answers OPTIONS itself' },
  { path: '/posted', method: 'GET', route: undefined, status: 404, why: 'no such method' },
  { path: '/guarded/5', route: undefined, status: 401, why: 'a middleware that refuses is no route' },
  { path: '/nowhere/5', route: undefined, status: 404, why: 'no route' },
]
const fastify: readonly Case[] = [
  { path: '/items/5', route: '/items/:id', status: 200, why: 'a parameter' },
  { path: '/items/5', method: 'HEAD', route: '/items/:id', status: 200, why: 'HEAD comes with GET' },
  { path: '/files/a/b', route: '/files/*', status: 200, why: 'a wildcard' },
  { path: '/fails/5', route: '/fails/:id', status: 500, why: 'a handler that throws' },
  { path: '/guarded/secret/5', route: '/guarded/secret/:id', status: 401, why: 'refused by a hook of its plugin' },
  {
    path: '/outer/acme/inner/deep/5',
    route: '/outer/:tenant/inner/deep/:id',
    status: 200,
    why: 'plugins in plugins, decorated',
  },
  { path: '/items/5', method: 'DELETE', route: undefined, status: 404, why: 'no such method' },
  { path: '/nowhere/5', route: undefined, status: 404, why: 'no route' },
]
const koa = (wildcard: string): readonly Case[] => [
  { path: '/items/5', route: '/items/:id', status: 200, why: 'a prefix' },
  { path: '/items/5', method: 'HEAD', route: '/items/:id', status: 200, why: 'HEAD comes with GET' },
  { path: '/items/refused', route: '/items/:id', status: 403, why: 'refused by a middleware of its router' },
  {
    path: '/tenants/acme/boom/5',
    route: '/tenants/:tenant/boom/:id',
    status: 500,
    why: 'a nested router, and a throw',
  },
  { path: '/files/a', route: wildcard, status: 200, why: 'a wildcard' },
  { path: '/files/a', method: 'DELETE', route: undefined, status: 405, why: 'no such method' },
  { path: '/nowhere/5', route: undefined, status: 404, why: 'no route' },
]
const hono: readonly Case[] = [
  { path: '/items/5', route: '/items/:id', status: 200, why: 'a parameter, behind a middleware for all' },
  { path: '/items/5', method: 'HEAD', route: '/items/:id', status: 200, why: "HEAD is GET's route" },
  { path: '/checked/5', route: '/checked/:id', status: 200, why: 'two handlers' },
  { path: '/guarded/secret/5', route: '/guarded/*', status: 401, why: 'refused by a middleware under a path' },
  { path: '/fails/5', route: '/fails/:id', status: 500, why: 'a handler that throws' },
  { path: '/any/5', method: 'PUT', route: '/any/:id', status: 200, why: 'all methods' },
  {
    path: '/tenants/acme/orders/5',
    route: '/tenants/:tenant/orders/:id',
    status: 200,
    why: 'an application in an application',
  },
  { path: '/items/5', method: 'DELETE', route: undefined, status: 404, why: 'no such method' },
  { path: '/nowhere/5', route: undefined, status: 404, why: 'a middleware for all is no route' },
]
const nest: readonly Case[] = [
  {
    path: '/api/v1/tenants/acme/orders/5',
    route: '/api/v1/tenants/:tenant/orders/:id',
    status: 200,
    why: 'prefix, version, controller and method',
  },
  {
    path: '/api/v1/tenants/acme/orders/fails/5',
    route: '/api/v1/tenants/:tenant/orders/fails/:id',
    status: 500,
    why: 'an exception filter answers',
  },
  {
    path: '/api/v1/tenants/acme/orders/refused/5',
    route: '/api/v1/tenants/:tenant/orders/refused/:id',
    status: 403,
    why: 'a guard refuses',
  },
  {
    path: '/api/v1/tenants/acme/orders',
    method: 'POST',
    route: '/api/v1/tenants/:tenant/orders',
    status: 201,
    why: 'POST',
  },
  { path: '/api/v1/nowhere', route: undefined, status: 404, why: 'no route' },
]
const CASES: Readonly<Record<string, readonly Case[]>> = {
  express4: express('/files/*'),
  express5: express('/files/*rest'),
  fastify4: fastify,
  fastify5: fastify,
  fastify5OverHttp2: fastify,
  koa2: koa('/files/(.*)'),
  koa3: koa('/files/*rest'),
  hono,
  honoOverHttp2: hono,
  nestOnExpress: nest,
  nestOnFastify: nest,
}

for (const file of ['frameworks-esm-service.ts', 'frameworks-cjs-service.cts'] as const) {
  describe(`${file.includes('esm') ? 'ES module' : 'CommonJS'} application`, () => {
    let service: Service
    before(async () => {
      service = await startService(file)
    })
    after(async () => await service[Symbol.asyncDispose]())

    for (const [name, cases] of Object.entries(CASES)) {
      test(`${name}: every request has the template of its route, whatever answered it`, async (t) => {
        const port = service.ready[name]
        if (port === undefined) return t.skip('not installed')
        const version = name.endsWith('Http2') ? '2' : undefined
        const ask = version === '2' ? askHttp2 : askHttp1
        for (const { path, method = 'GET', status, route, why } of cases) {
          const earlier = await counts(service)
          assert.equal(await ask(Number(port), method, path), status, `${path}: ${why}`)
          const key = [method, route ?? '', String(status), version ?? ''].join(' ')
          const later = await counts(service)
          const grown = [...later].filter(([one, count]) => count !== (earlier.get(one) ?? 0))
          assert.deepEqual(grown, [[key, (earlier.get(key) ?? 0) + 1]], `${method} ${path}: ${why}`)
        }
      })
    }

    test('nothing has stepped aside, and nothing is active', async () => {
      const page = await service.metrics()
      assert.deepEqual(
        samplesOf(page, 'http_server_active_requests').filter(({ value }) => value !== 0),
        [],
      )
      for (const name of ['assay_agent_hooks_stepped_aside', 'assay_agent_faults_total']) {
        const told = parsePage(page, 'text').has(name) ? samplesOf(page, name) : []
        assert.deepEqual(
          told.filter(({ value }) => value !== 0),
          [],
          name,
        )
      }
    })
  })
}

/** Requests so far, by method, route, status and version. */
async function counts(service: Service): Promise<ReadonlyMap<string, number>> {
  const page = await service.metrics()
  const samples = page.includes(COUNT) ? samplesOf(page, COUNT) : []
  return new Map(
    samples.map(({ labels, value }) => [
      [
        labels['http_request_method'],
        labels['http_route'] ?? '',
        labels['http_response_status_code'],
        labels['network_protocol_version'] ?? '',
      ].join(' '),
      value,
    ]),
  )
}

async function askHttp1(port: number, method: string, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
  await response.arrayBuffer()
  return response.status
}

async function askHttp2(port: number, method: string, path: string): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  const stream = session.request({ ':method': method, ':path': path })
  const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }]
  stream.resume()
  await once(stream, 'close')
  session.close()
  await once(session, 'close')
  return headers[':status'] ?? 0
}
