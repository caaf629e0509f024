/** A storm of requests that nobody can want: neither series nor memory grow with it, and nothing stays active. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { parsePage, samplesOf, valueAt } from '../test-support/parse-page.ts'
import { startService, until } from '../test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'
/** How many URLs: ASSAY_STORM=1000000 is the issue's; by default what fits into half a minute of a busy machine. */
const STORM = Number(process.env['ASSAY_STORM'] ?? 60_000)

test('random URLs and aborted requests without end add no series, and leave nothing active', async () => {
  await using service = await startService('web-service.ts', { ASSAY_USERS: 'header:x-user-id' })
  const kinds = ['plain', 'express', 'fastify'] as const
  const storm = (kind: (typeof kinds)[number], count: number): Promise<void> =>
    flood(Number(service.ready[kind]), count)
  for (const kind of kinds) await storm(kind, 2_000)
  const before = await figures(service)
  for (const kind of kinds) await storm(kind, Math.ceil(STORM / kinds.length))
  const after = await figures(service)
  assert.deepEqual(after.series, before.series, 'no series added')
  assert.ok(after.count >= before.count + STORM, `${after.count - before.count} counted`)
  assert.ok(
    after.memory - before.memory < 128 * 1024 * 1024,
    `${(after.memory - before.memory) / 1024 / 1024} MiB more`,
  )
  // Ten thousand in flight on two hundred connections, each client gone before an answer.
  const sockets = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const socket = connect(Number(service.ready['plain']), '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50))
      return socket
    }),
  )
  await until(
    async () => (await figures(service)).active,
    (active) => active === 10_000,
    20_000,
  )
  for (const socket of sockets) socket.destroy()
  const end = await until(
    () => figures(service),
    ({ active }) => active === 0,
    20_000,
  )
  assert.equal(end.aborted, 10_000)
  assert.equal(end.series.length, after.series.length + 1, 'one series: aborted, without a route')
})

type Figures = {
  readonly series: readonly string[]
  readonly count: number
  readonly active: number
  readonly aborted: number
  readonly memory: number
}

async function figures(service: { metrics(): Promise<string> }): Promise<Figures> {
  const page = await service.metrics()
  const counts = parsePage(page, 'text').has('http_server_request_duration_seconds') ? samplesOf(page, COUNT) : []
  const sum = (samples: readonly { readonly value: number }[]): number =>
    samples.reduce((total, { value }) => total + value, 0)
  return {
    series: counts.map(({ labels }) => JSON.stringify(labels)).sort(),
    count: sum(counts),
    active: sum(samplesOf(page, 'http_server_active_requests')),
    aborted: sum(counts.filter(({ labels }) => labels['error_type'] === 'aborted')),
    memory: valueAt(page, 'process_resident_memory_bytes') ?? 0,
  }
}

/** So many random URLs, pipelined over a few kept-alive connections. */
async function flood(port: number, count: number): Promise<void> {
  const connections = 8
  const batch = 40
  await Promise.all(
    Array.from({ length: connections }, async (_, which) => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      for (let sent = which * batch; sent < count; sent += connections * batch) {
        let text = ''
        for (let i = 0; i < batch; i++)
          text += `GET ${randomPath()} HTTP/1.1\r\nHost: a\r\nx-user-id: u${sent % 977}\r\n\r\n`
        socket.write(text)
        for (let answered = 0; answered < batch; ) {
          const [chunk] = (await once(socket, 'data')) as [Buffer]
          answered += chunk.toString('latin1').split('HTTP/1.1 ').length - 1
        }
      }
      socket.destroy()
    }),
  )
}

function randomPath(): string {
  const text = (): string => Math.random().toString(36).slice(2)
  return `/${text()}/${text()}?${text()}`
}
