/**
 * The package as it is published: packed, unpacked into an empty folder, and run there by each Node that this machine has, from ES modules
 * and from CommonJS.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { samplesOf, valueAt } from '../../agent/src/test-support/parse-page.ts'
import { until } from '../../agent/src/test-support/service.ts'
import { type App, NODES, type PackedAgent, packAgent, startApp as startIn } from './packed-agent.ts'

const run = promisify(execFile)

const BODY = `
const orders = agent.counter('shop_orders_total', { help: 'Orders.', labels: ['kind'] })
const server = http.createServer((request, response) => {
  orders.inc({ kind: 'print' })
  response.end(String(agent.counter === other.counter))
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
process.stdin.once('data', () => { server.close(); process.stdin.unref() })
`
const FILES = {
  'app.mjs': `import http from 'node:http'
import { createRequire } from 'node:module'
import * as agent from '@assay/agent'
const other = createRequire(import.meta.url)('@assay/agent')
${BODY}`,
  'app.cjs': `const http = require('node:http')
const agent = require('@assay/agent')
const other = agent
${BODY}`,
  'two.cjs': `const http = require('node:http')
const agent = require('@assay/agent')
const other = require('./copy/dist/index.cjs')
${BODY}`,
  // What Express 5 asks for.
  'node_modules/router/index.js': `module.exports = class Router { handle() {} use() {} route() {} }
module.exports.Route = class { dispatch() {} }`,
  'plain.cjs': `if (process.env.ROUTER) require('router')
const http = require('node:http')
const loaded = () => Object.keys(require.cache).map((file) => file.replace(/.*@assay\\/agent\\/dist\\//, '').replace(/-[\\w-]{8}\\.cjs$/, '.cjs'))
const server = http.createServer((request, response) => response.end(JSON.stringify({ before, after: loaded() })))
let before
server.listen(0, '127.0.0.1', () => setTimeout(() => {
  before = loaded()
  console.log(JSON.stringify({ port: server.address().port }))
}, 50))
process.stdin.once('data', () => { server.close(); process.stdin.unref() })`,
  // What the agent is made of, before it is there; as far as Node itself bears it.
  'freeze.cjs': `for (const of of [Object, Function, Array, Map, Set, WeakMap, WeakSet, WeakRef, Promise, String, Number, RegExp, Symbol, Date, ArrayBuffer,
  SharedArrayBuffer, DataView, Object.getPrototypeOf(Uint8Array), Uint8Array, Float64Array, Uint32Array, Reflect, JSON, Math, Atomics]) {
  Object.freeze(of)
  if (of.prototype !== undefined) Object.freeze(of.prototype)
}`,
  // An application that names Hono, as far as the agent looks.
  'with-hono/package.json': '{ "dependencies": { "hono": "4" } }',
  'with-hono/script.cjs': '',
  'with-hono/node_modules/hono/package.json': '{ "name": "hono" }',
  'exports.mjs': `import * as agent from '@assay/agent'
import client, { Counter } from '@assay/agent/prom-client'
console.log(JSON.stringify({ agent: Object.keys(agent).sort(), same: client.Counter === Counter }))`,
}

let packed: PackedAgent
let folder = ''
before(async () => {
  packed = await packAgent()
  folder = packed.folder
  await cp(packed.home, join(folder, 'copy'), { recursive: true })
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
})
after(async () => await packed[Symbol.asyncDispose]())

const startApp = (node: string, flags: readonly string[], env: Record<string, string> = {}): Promise<App> =>
  startIn(folder, node, flags, env)

const byThread = (app: App): Promise<string> =>
  until(
    () => app.metrics(),
    (page) => valueAt(page, 'assay_agent_thread') === 1,
  )

for (const node of NODES) {
  for (const [why, flags] of [
    ['an ES module with --import', ['--import', '@assay/agent', 'app.mjs']],
    ['CommonJS with --require', ['--require', '@assay/agent', 'app.cjs']],
    ['CommonJS that asks for it itself', ['app.cjs']],
    ['an ES module that asks for it itself', ['app.mjs']],
  ] as const) {
    test(`${node}: ${why} is measured, served by a thread, and ends`, async () => {
      await using app = await startApp(node, flags)
      assert.equal(
        await (await fetch(`http://127.0.0.1:${app.ready['port']}/x`)).text(),
        'true',
        'import and require give one agent',
      )
      const page = await byThread(app)
      assert.equal(valueAt(page, 'shop_orders_total', { kind: 'print' }), 1)
      assert.equal(valueAt(page, 'http_server_request_duration_seconds_count', { http_route: '/x' }), 1)
      assert.equal(app.stderr(), '')
      assert.deepEqual(await app.end(), [0, null])
    })
  }

  const permission = node === process.execPath ? '--permission' : '--experimental-permission'
  const mayListen = node === process.execPath ? ['--allow-net'] : []
  for (const [why, flags, isThread] of [
    ['with frozen prototypes', ['--require', './freeze.cjs'], true],
    ['with frozen intrinsics', ['--frozen-intrinsics'], true],
    ['without __proto__', ['--disable-proto=delete'], true],
    ['with a __proto__ that throws', ['--disable-proto=throw'], true],
    ['where no text becomes code', ['--disallow-code-generation-from-strings'], true],
    ['where what is deprecated throws', ['--throw-deprecation', '--pending-deprecation'], true],
    ['where it may only read and listen', [permission, '--allow-fs-read=*', ...mayListen], false],
    ['where it may have threads', [permission, '--allow-fs-read=*', ...mayListen, '--allow-worker'], true],
  ] as const) {
    test(`${node}: an application ${why} is measured, and ends`, async () => {
      await using app = await startApp(node, [...flags, '--require', '@assay/agent', 'plain.cjs'])
      assert.equal((await fetch(`http://127.0.0.1:${app.ready['port']}/x`)).status, 200)
      const page = await (isThread ? byThread(app) : app.metrics())
      assert.equal(valueAt(page, 'http_server_request_duration_seconds_count', { http_route: '/x' }), 1)
      // As far as it may read the system's own files.
      for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes'])
        assert.ok((valueAt(page, name) ?? 0) > 0, name)
      const said = app
        .stderr()
        .split('\n')
        .filter((line) => line.startsWith('assay agent'))
      if (isThread) assert.deepEqual(said, [])
      else
        await until(
          async () => app.stderr(),
          (text) => /^assay agent: ASSAY_AGENT_THREAD_GONE: .*the main thread serves them/m.test(text),
        )
      assert.deepEqual(await app.end(), [0, null])
    })
  }

  test(`${node}: only what waits is loaded before the first connection, and the first request is counted`, async () => {
    await using app = await startApp(node, ['--require', '@assay/agent', 'plain.cjs'])
    const answer = await (await fetch(`http://127.0.0.1:${app.ready['port']}/x`)).json()
    const { before, after } = answer as { readonly before: readonly string[]; readonly after: readonly string[] }
    assert.deepEqual(
      before.filter((file) => file.endsWith('.cjs') && !file.includes('plain')),
      ['index.cjs', 'chunks/start.cjs'],
    )
    assert.ok(after.includes('chunks/signals.cjs'), String(after))
    assert.deepEqual(
      after.filter((file) => /libraries|http2|http-client/.test(file)),
      [],
      'no library that is not there',
    )
    const page = await byThread(app)
    assert.equal(valueAt(page, 'http_server_request_duration_seconds_count', { http_route: '/x' }), 1)
    assert.equal(valueAt(page, 'http_server_active_requests', { http_request_method: 'GET' }), 0)
    assert.equal(app.stderr(), '')
    assert.deepEqual(await app.end(), [0, null])
  })

  test(`${node}: a framework that is met loads what tells its routes, and no more`, async () => {
    await using app = await startApp(node, ['--require', '@assay/agent', 'plain.cjs'], { ROUTER: '1' })
    const answer = await (await fetch(`http://127.0.0.1:${app.ready['port']}/x`)).json()
    const { before } = answer as { readonly before: readonly string[] }
    assert.deepEqual(before.filter((file) => /^(?:chunks|parts)\//.test(file)).sort(), [
      'chunks/routes.cjs',
      'chunks/start.cjs',
    ])
    assert.equal(app.stderr(), '')
  })

  test(`${node}: that Hono cannot be seen as an ES module is said with the first request, and by no script`, async () => {
    await writeFile(join(folder, 'with-hono/app.cjs'), FILES['plain.cjs'])
    const { stdout } = await run(node, ['-p', "typeof require('node:module').registerHooks"])
    const script = await run(node, ['--require', '@assay/agent', 'with-hono/script.cjs'], { cwd: folder })
    assert.equal(script.stderr, '')
    await using app = await startApp(node, ['--require', '@assay/agent', 'with-hono/app.cjs'])
    assert.equal(app.stderr(), '')
    await (await fetch(`http://127.0.0.1:${app.ready['port']}/x`)).text()
    await byThread(app)
    if (stdout.trim() === 'function') assert.equal(app.stderr(), '')
    else assert.match(app.stderr(), /^assay agent: ASSAY_AGENT_ASIDE: hono .*no module.registerHooks.*\n$/)
  })

  test(`${node}: two copies loaded are one agent, and count once`, async () => {
    await using app = await startApp(node, ['--require', './copy/dist/index.cjs', 'two.cjs'])
    await (await fetch(`http://127.0.0.1:${app.ready['port']}/x`)).text()
    const page = await byThread(app)
    assert.equal(samplesOf(page, 'http_server_request_duration_seconds_count').length, 1)
    assert.equal(valueAt(page, 'http_server_request_duration_seconds_count', { http_route: '/x' }), 1)
    assert.equal(valueAt(page, 'shop_orders_total', { kind: 'print' }), 1)
    assert.equal(app.stderr(), '')
  })

  test(`${node}: switched off it is not there, and the application does not notice`, async () => {
    await using app = await startApp(node, ['--import', '@assay/agent', 'app.mjs'], { ASSAY_AGENT: 'off' })
    assert.equal((await fetch(`http://127.0.0.1:${app.ready['port']}/x`)).status, 200)
    await assert.rejects(app.metrics())
    assert.deepEqual(await app.end(), [0, null])
  })

  test(`${node}: the thread that serves the pages makes no agent of its own`, async () => {
    const made = `require('./node_modules/@assay/agent/dist/assay-agent-thread.cjs')
      console.log(globalThis[Symbol.for('assay.agent.1')] === undefined)`
    const { stdout } = await run(node, ['-e', made], { cwd: folder })
    assert.equal(stdout.trim(), 'true')
  })

  test(`${node}: the exports are those of the sources, and no others`, async () => {
    const source = Object.keys(await import('../../agent/src/index.ts'))
    for (const ASSAY_AGENT of ['on', 'off']) {
      const { stdout } = await run(node, ['exports.mjs'], { cwd: folder, env: { ...process.env, ASSAY_AGENT } })
      const { agent, same } = JSON.parse(stdout) as { agent: string[]; same: boolean }
      const names = agent.filter((name) => name !== 'default' && name !== 'module.exports')
      assert.deepEqual(names, source.toSorted(), `ASSAY_AGENT=${ASSAY_AGENT}`)
      assert.ok(same)
    }
  })
}

test('the types are found from ES modules and from CommonJS', async () => {
  const text = `import { counter } from '@assay/agent'\nimport client from '@assay/agent/prom-client'
counter('a_total', { help: '', labels: ['kind'] }).inc({ kind: 'x' })\nnew client.Counter({ name: 'b_total', help: '' })\n`
  for (const name of ['types.mts', 'types.cts']) await writeFile(join(folder, name), text)
  const tsc = join(import.meta.dirname, '../../node_modules/.bin/tsc')
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--esModuleInterop', '--types', 'node']
  const roots = ['--typeRoots', join(import.meta.dirname, '../../node_modules/@types')]
  await run(tsc, [...options, ...roots, 'types.mts', 'types.cts'], { cwd: folder }).catch(
    (cause: { stdout?: string }) => assert.fail(cause.stdout ?? String(cause)),
  )
})

test('older TypeScript and its older ways of finding a module read them too', async () => {
  const home = join(folder, 'node_modules/@assay/agent')
  for await (const file of glob('**/*.d.{ts,cts}', { cwd: home })) {
    const text = await readFile(join(home, file), 'utf8')
    assert.doesNotMatch(text, /\bas '/, `${file}: an export whose name is a text needs TypeScript 5.6`)
    assert.doesNotMatch(
      text,
      /from '[^']*\.ts'/,
      `${file}: a path that ends in .ts needs a setting of the application's`,
    )
  }
  // `moduleResolution: node10`, which a NestJS application of 2024 was made with, does not read `exports`.
  const { exports, typesVersions } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
    readonly exports: Record<string, unknown>
    readonly typesVersions: { readonly '*': Record<string, readonly string[]> }
  }
  const entries = Object.keys(exports).filter((name) => name !== '.' && name !== './package.json')
  assert.deepEqual(
    Object.keys(typesVersions['*']),
    entries.map((name) => name.slice(2)),
  )
  for (const [file = ''] of Object.values(typesVersions['*'])) assert.ok(existsSync(join(home, file)), file)
})
