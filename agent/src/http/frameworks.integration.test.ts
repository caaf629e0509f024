import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'
import { parsePage, samplesOf } from '../test-support/parse-page.ts'
import { type Service, startService, until } from '../test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'

type Case = {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
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
  { path: '/third/x/1', route: '/third/x/:id', status: 200, why: 'mounted under a list of paths' },
  { path: '/fourth/left/x/1', route: '/fourth/:place/x/:id', status: 200, why: 'the other path of that list' },
  { path: '/twice/x/1', route: '/twice/x/:id', status: 200, why: 'in a router that is mounted at the root' },
  { path: '/houses/red/x/1', route: '/houses/:house/x/:id', status: 200, why: 'in a router, under a parameter' },
  { path: '/left/x/1', route: '/^\\/(?:left|right)//x/:id', status: 200, why: 'mounted under a regular expression' },
  { path: '/checked', route: '/checked', status: 200, why: 'behind a middleware, in lists of lists' },
  {
    path: '/guests/kim/hall/5',
    route: '/guests/:guest/hall/:id',
    status: 200,
    why: 'an application of another release',
  },
  {
    path: '/guests/kim/floors/2/room/5',
    route: '/guests/:guest/floors/:floor/room/:id',
    status: 200,
    why: 'and a router in it',
  },
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
const fastify = (slash: string): readonly Case[] => [
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
  { path: '/v2', route: '/v2', status: 200, why: 'the root of a prefix' },
  { path: '/v2/', route: slash, status: 200, why: 'Fastify has two routes there; 5 calls them the same' },
  { path: '/v2/pages/page/5', route: '/v2/pages/page/:id', status: 200, why: 'prefixes in prefixes' },
  { path: '/v2/nothing/5', route: undefined, status: 404, why: "a plugin's own handler of what was not found" },
  { path: '/v2/pages/nothing/5', route: undefined, status: 200, why: 'one that answers with a page is no route' },
  { path: '/v2/only/5', route: undefined, status: 404, why: 'constraints that do not fit' },
  { path: '/v2/given-up/5', route: '/v2/given-up/:id', status: 404, why: 'a route that says it is not found' },
  { path: '/items/%zz', route: undefined, status: 400, why: 'a path that cannot be decoded' },
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
  {
    path: '/houses/red/floors/2/rooms/5',
    route: '/houses/:house/floors/:floor/rooms/:room',
    status: 200,
    why: 'three routers',
  },
  { path: '/huts/old/floors/2/rooms/5', route: '/huts/:hut/floors/:floor/rooms/:room', status: 200, why: 'used twice' },
  { path: '/later/a/x/5', route: '/later/:kind/x/:id', status: 200, why: 'a prefix that is set at the end' },
  { path: '/shop', route: '/shop', status: 200, why: 'the root of a mounted application' },
  { path: '/shop/items/5?q=1', route: '/shop/items/:id', status: 200, why: 'koa-mount' },
  { path: '/shop/admin/users/5', route: '/shop/admin/users/:id', status: 200, why: 'a mount in a mount' },
  { path: '/shop/admin/boom/5', route: '/shop/admin/boom/:id', status: 500, why: 'a throw in it' },
  {
    path: '/shop/admin/passed/5',
    route: '/shop/admin/passed/:id',
    status: 200,
    why: 'the inner mount has passed it on',
  },
  {
    path: '/tenant-7/old/items/5',
    route: '/old/items/:id',
    status: 200,
    why: 'what was rewritten before is not in the route',
  },
  { path: '/old/admin/users/5', route: '/old/admin/users/:id', status: 200, why: 'an application mounted twice' },
  { path: '/shop/nowhere', route: undefined, status: 404, why: 'no route in the mount' },
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
  { path: '/based/v1/eu/shops/5', route: '/based/v1/:region/shops/:id', status: 200, why: 'a base path, mounted' },
  {
    path: '/based/v1/eu/inner',
    route: '/based/v1/:region/inner',
    status: 200,
    why: 'the root of what is mounted in it',
  },
  {
    path: '/based/v1/eu/inner/fails/5',
    route: '/based/v1/:region/inner/fails/:id',
    status: 503,
    why: 'an application with its own handler of errors',
  },
  {
    path: '/based/v1/eu/inner/closed/5',
    route: '/based/v1/:region/inner/closed/*',
    status: 401,
    why: 'a middleware of it that refuses',
  },
  { path: '/based/v1/eu/inner/no', route: undefined, status: 404, why: 'no route in it' },
  { path: '/versions/2', route: '/versions/:version', status: 200, why: 'a base path of the application itself' },
  { path: '/either/5', route: '/either/:id', status: 200, why: 'several methods and paths' },
  { path: '/or/5', method: 'PUT', route: '/or/:id', status: 200, why: 'the others of them' },
  { path: '/optional', route: '/optional/:id?', status: 200, why: 'a parameter that may be absent' },
  { path: '/digits/55', route: '/digits/:id{[0-9]+}', status: 200, why: 'a parameter with a pattern' },
  { path: '/digits/x', route: undefined, status: 404, why: 'a pattern that does not fit' },
  { path: '/mounted/any/5', route: '/mounted/*', status: 200, why: 'a foreign handler, mounted' },
  { path: '/items/5', method: 'DELETE', route: undefined, status: 404, why: 'no such method' },
  { path: '/nowhere/5', route: undefined, status: 404, why: 'a middleware for all is no route' },
]
/** With versions in the path (`/v1`), or in a header (`''`). */
const nest = (version: '/v1' | ''): readonly Case[] => [
  {
    path: `/api${version}/tenants/acme/orders/5`,
    headers: { 'x-version': '1' },
    route: `/api${version}/tenants/:tenant/orders/:id`,
    status: 200,
    why: 'prefix, version, controller and method',
  },
  {
    path: `/api${version.replace('1', '2')}/tenants/acme/orders/5`,
    headers: { 'x-version': '2' },
    route: `/api${version.replace('1', '2')}/tenants/:tenant/orders/:id`,
    status: 200,
    why: 'another version, by another controller',
  },
  {
    path: `/api${version}/tenants/acme/orders/fails/5`,
    headers: { 'x-version': '1' },
    route: `/api${version}/tenants/:tenant/orders/fails/:id`,
    status: 500,
    why: 'an exception filter answers',
  },
  {
    path: `/api${version}/tenants/acme/orders/refused/5`,
    headers: { 'x-version': '1' },
    route: `/api${version}/tenants/:tenant/orders/refused/:id`,
    status: 403,
    why: 'a guard refuses',
  },
  {
    path: `/api${version}/tenants/acme/orders`,
    headers: { 'x-version': '1' },
    method: 'POST',
    route: `/api${version}/tenants/:tenant/orders`,
    status: 201,
    why: 'POST',
  },
  {
    path: `/api${version}/houses/red/reports/5`,
    headers: { 'x-version': '1' },
    route: `/api${version}/houses/:house/reports/:id`,
    status: 200,
    why: 'a module under a path',
  },
  { path: '/health/live', route: '/health/:probe', status: 200, why: 'outside of prefix and versions' },
  { path: `/api${version}/nowhere`, headers: { 'x-version': '1' }, route: undefined, status: 404, why: 'no route' },
]
const CASES: Readonly<Record<string, readonly Case[]>> = {
  express4: express('/files/*'),
  express5: express('/files/*rest'),
  fastify4: fastify('/v2/'),
  fastify5: fastify('/v2'),
  fastify5OverHttp2: fastify('/v2'),
  koa2: koa('/files/(.*)'),
  koa3: koa('/files/*rest'),
  hono,
  honoOverHttp2: hono,
  nestOnExpress: nest('/v1'),
  nestOnFastify: nest('/v1'),
  nestOnExpressByHeader: nest(''),
  nestOnFastifyByHeader: nest(''),
}

for (const [kind, file, isTold] of [
  ['ES module', 'frameworks-esm-service.ts', () => true],
  ['CommonJS', 'frameworks-cjs-service.cts', () => true],
  // The others leave nothing on a request by which they could be seen.
  ['bundled', 'frameworks-bundled-service.ts', (name: string) => /^(?:express|fastify)\d$/.test(name)],
] as const) {
  describe(`${kind} application`, () => {
    let service: Service
    let folder: string | undefined
    before(async () => {
      folder = kind === 'bundled' ? await mkdtemp(join(tmpdir(), 'assay-bundled-')) : undefined
      service = await startService(folder === undefined ? file : await bundled(file, folder))
    })
    after(async () => {
      await service[Symbol.asyncDispose]()
      if (folder !== undefined) await rm(folder, { recursive: true })
    })

    for (const [name, cases] of Object.entries(CASES).filter(([name]) => isTold(name))) {
      test(`${name}: every request has the template of its route, whatever answered it`, async (t) => {
        const port = service.ready[name]
        if (port === undefined) return t.skip('not installed')
        const version = name.endsWith('Http2') ? '2' : undefined
        const ask = version === '2' ? askHttp2 : askHttp1
        for (const { path, method = 'GET', headers = {}, status, route, why } of cases) {
          const earlier = await counts(service)
          assert.equal(await ask(Number(port), method, path, headers), status, `${path}: ${why}`)
          const key = [method, route ?? '', String(status), version ?? ''].join(' ')
          // The answer is there before the server has noted that it has sent it.
          const grown = await until(
            async () => [...(await counts(service))].filter(([one, count]) => count !== (earlier.get(one) ?? 0)),
            (list) => list.length > 0,
          )
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

/** All that a service imports in one file, as services are often shipped; its URL. */
async function bundled(file: string, folder: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: fileURLToPath(new URL(`../test-support/${file}`, import.meta.url)),
      outDir: folder,
      rolldownOptions: { output: { format: 'es', entryFileNames: 'service.mjs' } },
    },
  })
  return pathToFileURL(join(folder, 'service.mjs')).href
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

type Headers = Readonly<Record<string, string>>

async function askHttp1(port: number, method: string, path: string, headers: Headers): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers })
  await response.arrayBuffer()
  return response.status
}

async function askHttp2(port: number, method: string, path: string, given: Headers): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  const stream = session.request({ ...given, ':method': method, ':path': path })
  const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }]
  stream.resume()
  await once(stream, 'close')
  session.close()
  await once(session, 'close')
  return headers[':status'] ?? 0
}
