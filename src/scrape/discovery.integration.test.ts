/** Targets from a server over HTTP and from a name server, both on this machine. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type Clock, createHttpClient, silentLog, systemClock } from '#core'
import { discover } from './discover.ts'
import { lookUpTargets } from './dns-sd.ts'
import { readTargetUrl } from './http-sd.ts'
import { jobOf } from './scrape.test-support.ts'
import type { DiscoveredTargets } from './targets-of.ts'

const CONFIG = jobOf()
const never = new AbortController().signal

type Answer = { readonly status?: number; readonly type?: string; readonly body: string }

/** A server whose answer can be exchanged. */
async function listing(first: Answer) {
  const seen: Record<string, unknown>[] = []
  const state = { answer: first }
  const server = createServer((request, response) => {
    seen.push(request.headers)
    const { status = 200, type = 'application/json', body } = state.answer
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    state,
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/targets`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a server lists targets; what is no list is told, without the secrets of its address', async () => {
  const list = '[{"targets":["a:1","b:2"],"labels":{"zone":"x"}},{"targets":["c:3"]}]'
  await using server = await listing({ body: list })
  using client = createHttpClient({ basicAuth: { username: 'u', password: 'p' } })
  const read = () => readTargetUrl({ url: server.url, refreshMs: 30_000 }, client, { signal: never, version: '1.2' })
  assert.deepEqual(await read(), [
    { targets: ['a:1', 'b:2'], labels: { zone: 'x', __meta_url: server.url } },
    { targets: ['c:3'], labels: { __meta_url: server.url } },
  ])
  const { accept, authorization, 'x-prometheus-refresh-interval-seconds': refresh } = server.seen[0]!
  assert.deepEqual([accept, authorization, refresh], ['application/json', 'Basic dTpw', '30'])
  const wrong: readonly (readonly [Answer, RegExp])[] = [
    [{ status: 500, body: list }, /answers 500, not 200/],
    [{ type: 'text/html', body: list }, /answers with "text\/html"; a list of targets is sent as application\/json/],
    [{ body: '[{' }, /what is no JSON/],
    [{ body: '{}' }, /a list of groups was expected/],
    [{ body: '[{"targets":[1]}]' }, /targets of group 1 is no list of texts/],
    [{ body: '[null]' }, /group 1 is no object/],
  ]
  for (const [answer, says] of wrong) {
    server.state.answer = answer
    await assert.rejects(read(), { code: 'ASSAY_SCRAPE_HTTP_SD', message: says })
  }
  const secret = server.url.replace('http://', 'http://me:hush@').replace('/targets', '/targets?token=hush')
  const asking = readTargetUrl({ url: secret, refreshMs: 1000 }, client, { signal: never })
  await assert.rejects(asking, (error: Error) => !error.message.includes('hush'))
})

/** Sleeps end when `step` says so. */
function steppedClock(): Clock & { step(): void } {
  let wake = () => {}
  return {
    ...systemClock,
    sleep: (_, signal) =>
      new Promise((resolve) => {
        wake = resolve
        signal?.addEventListener('abort', () => resolve(), { once: true })
      }),
    step: () => wake(),
  }
}

test('a server that fails keeps the targets it named last; the start does not wait for it', async () => {
  await using server = await listing({ body: '[{"targets":["a:1"]}]' })
  const clock = steppedClock()
  let changed = Promise.withResolvers<DiscoveredTargets>()
  const next = async () => {
    const found = await changed.promise
    changed = Promise.withResolvers()
    return found
  }
  const config = { ...CONFIG, httpSdConfigs: [{ url: server.url, refreshMs: 1000 }] }
  await using discovery = await discover([config], {
    clock,
    log: silentLog,
    resolve: String,
    onChange: (found) => changed.resolve(found),
  })
  const instances = ({ targets }: DiscoveredTargets) => targets.map(({ labels }) => labels.get('instance'))
  assert.deepEqual(instances(await next()), [])
  assert.deepEqual(instances(await next()), ['a:1'])
  server.state.answer = { status: 503, body: '' }
  clock.step()
  const failed = await next()
  assert.deepEqual(instances(failed), ['a:1'])
  assert.match(failed.problems[0] ?? '', /answers 503, not 200; the targets it named last stay/)
  server.state.answer = { body: '[{"targets":["b:2"]}]' }
  clock.step()
  assert.deepEqual(instances(await next()), ['b:2'])
  assert.equal(discovery.current().problems.length, 0)
})

/** A name server of a few lines: one question a packet, answers from `records` as they lie on the wire; no answer: no such name. */
async function nameServer(records: Readonly<Record<string, readonly Buffer[]>>) {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    let end = 12
    const labels: string[] = []
    while (query[end] !== 0) {
      labels.push(query.toString('latin1', end + 1, end + 1 + query[end]!))
      end += query[end]! + 1
    }
    const type = query.readUInt16BE(end + 1)
    const found = records[`${type} ${labels.join('.')}`]
    const head = Buffer.alloc(12)
    query.copy(head, 0, 0, 2)
    head.writeUInt16BE(found === undefined ? 0x8183 : found.length === 0 ? 0x8182 : 0x8180, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(found?.length ?? 0, 6)
    const answers = (found ?? []).map((data) => {
      const record = Buffer.alloc(12)
      record.writeUInt16BE(0xc00c, 0)
      record.writeUInt16BE(type, 2)
      record.writeUInt16BE(1, 4)
      record.writeUInt16BE(data.length, 10)
      return Buffer.concat([record, data])
    })
    socket.send(Buffer.concat([head, query.subarray(12, end + 5), ...answers]), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const resolver = new Resolver({ timeout: 2000, tries: 1 })
  resolver.setServers([`127.0.0.1:${socket.address().port}`])
  return {
    resolver,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    },
  }
}

const nameOf = (name: string) =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.of(0),
  ])
const u16 = (...numbers: number[]) => Buffer.concat(numbers.map((n) => Buffer.of(n >> 8, n & 255)))

test('a name server lists targets of every kind of record', async () => {
  await using server = await nameServer({
    '33 _web.example': [
      Buffer.concat([u16(1, 1, 8080), nameOf('a.example')]),
      Buffer.concat([u16(1, 1, 8081), nameOf('b.example')]),
    ],
    '1 hosts.example': [Buffer.of(10, 0, 0, 1), Buffer.of(10, 0, 0, 2)],
    '28 hosts.example': [Buffer.concat([Buffer.of(0xfd), Buffer.alloc(14), Buffer.of(1)])],
    '15 example': [Buffer.concat([u16(5), nameOf('mail.example')])],
    '2 example': [nameOf('ns.example')],
  })
  const look = async (name: string, type: 'SRV' | 'A' | 'AAAA' | 'MX' | 'NS') =>
    (await lookUpTargets(name, { type, port: 9100 }, server.resolver))
      .map(({ targets, labels }) => [targets[0], ...Object.entries(labels).flat()].join(' '))
      .toSorted()
  assert.deepEqual(await look('_web.example', 'SRV'), [
    'a.example:8080 __meta_dns_name _web.example __meta_dns_srv_record_target a.example. __meta_dns_srv_record_port 8080',
    'b.example:8081 __meta_dns_name _web.example __meta_dns_srv_record_target b.example. __meta_dns_srv_record_port 8081',
  ])
  assert.deepEqual(await look('hosts.example', 'A'), [
    '10.0.0.1:9100 __meta_dns_name hosts.example',
    '10.0.0.2:9100 __meta_dns_name hosts.example',
  ])
  assert.deepEqual(await look('hosts.example', 'AAAA'), ['[fd00::1]:9100 __meta_dns_name hosts.example'])
  assert.deepEqual(await look('example', 'MX'), [
    'mail.example:9100 __meta_dns_name example __meta_dns_mx_record_target mail.example.',
  ])
  assert.deepEqual(await look('example', 'NS'), [
    'ns.example:9100 __meta_dns_name example __meta_dns_ns_record_target ns.example.',
  ])
  assert.deepEqual(await look('gone.example', 'A'), [], 'a name that does not exist has no targets')
})

test('targets follow a name; the name server that fails keeps them', async () => {
  const records: Record<string, readonly Buffer[]> = { '1 hosts.example': [Buffer.of(10, 0, 0, 1)] }
  await using server = await nameServer(records)
  const clock = steppedClock()
  let changed = Promise.withResolvers<DiscoveredTargets>()
  const next = async () => {
    const found = await changed.promise
    changed = Promise.withResolvers()
    return found
  }
  const dnsSdConfigs = [{ names: ['hosts.example'], type: 'A', port: 80, refreshMs: 1000 }] as const
  await using _ = await discover([{ ...CONFIG, dnsSdConfigs }], {
    clock,
    log: silentLog,
    resolve: String,
    resolver: server.resolver,
    onChange: (found) => changed.resolve(found),
  })
  await next()
  assert.deepEqual(
    (await next()).targets.map(({ url }) => url),
    ['http://10.0.0.1:80/metrics'],
  )
  records['1 hosts.example'] = []
  clock.step()
  const failed = await next()
  assert.equal(failed.targets.length, 1)
  assert.match(failed.problems[0] ?? '', /^shop: hosts\.example: .*; the targets it named last stay$/)
})
