/** Real clients on us, both of Debian's package `prometheus`: promtool's queries, a Prometheus that writes into us. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { matcher, systemClock, unixMs } from '#core'
import { createEngine } from '#promql'
import { memoryStore } from '#storage'
import { openWorld, write } from '../server.test-support.ts'

const run = promisify(execFile)

async function openReal() {
  const store = memoryStore()
  const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
  const world = await openWorld({ query, clock: systemClock, deps: { store } })
  return { store, metadata: world.metadata, server: world.server }
}

async function promtool(...args: string[]): Promise<string> {
  return (await run('/usr/bin/promtool', ['query', ...args], { timeout: 20_000 })).stdout
}

test('promtool queries us: instant, range, series, labels', async () => {
  const world = await openReal()
  await using _server = world.server
  const at = Math.floor(Date.now() / 1000) * 1000
  write(world, { __name__: 'up', job: 'shop' }, [
    [at - 60_000, 0],
    [at, 1],
  ])
  const { url } = world.server
  assert.equal(await promtool('instant', url, 'up', `--time=${at / 1000}`), `up{job="shop"} => 1 @[${at / 1000}]\n`)
  assert.equal(await promtool('instant', url, '1 + 1', `--time=4`), 'scalar: 2 @[4]\n')
  const range = await promtool('range', url, 'up', `--start=${at / 1000 - 60}`, `--end=${at / 1000}`, '--step=60s')
  assert.equal(range, `up{job="shop"} =>\n0 @[${at / 1000 - 60}]\n1 @[${at / 1000}]\n`)
  assert.equal(
    await promtool('series', url, '--match=up', `--start=${at / 1000 - 60}`, `--end=${at / 1000}`),
    '{__name__="up", job="shop"}\n',
  )
  assert.equal(await promtool('labels', url, 'job'), 'shop\n')
  await assert.rejects(promtool('instant', url, 'up{'), /bad_data/)
})

test('a real Prometheus writes into us, and its samples arrive', async () => {
  const world = await openReal()
  await using _server = world.server
  const dir = await mkdtemp(join(tmpdir(), 'assay-remote-write-'))
  const port = await freePort()
  await writeFile(
    join(dir, 'prometheus.yml'),
    `global: { scrape_interval: 1s }
scrape_configs: [{ job_name: self, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }]
remote_write:
  - url: ${world.server.url}/api/v1/write
    queue_config: { batch_send_deadline: 200ms }
    metadata_config: { send: true, send_interval: 1s }
`,
  )
  const child = spawn(
    '/usr/bin/prometheus',
    [
      `--config.file=${dir}/prometheus.yml`,
      `--storage.tsdb.path=${dir}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  const exited = new Promise((resolve) => child.once('exit', resolve))
  try {
    const arrived = await eventually(() => {
      const now = unixMs(Date.now())
      using querier = world.store.querier(unixMs(0), now)
      const [up] = querier.select([matcher('__name__', '=', 'up')])
      const samples = up?.samples()
      return samples !== undefined && samples.count >= 2 && world.metadata.get('prometheus_build_info') !== undefined
        ? { labels: up?.labels, samples }
        : undefined
    })
    assert.equal(arrived.labels?.get('job'), 'self')
    assert.equal(arrived.samples.values[arrived.samples.count - 1], 1)
  } finally {
    child.kill('SIGKILL')
    await exited
    await rm(dir, { recursive: true, force: true })
  }
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Asks again until there is an answer; what waits here is another process, which no clock of ours turns. */
async function eventually<T>(ask: () => T | undefined): Promise<T> {
  for (let i = 0; i < 150; i++) {
    const answer = ask()
    if (answer !== undefined) return answer
    await systemClock.sleep(200)
  }
  throw new Error('nothing arrived within 30 s')
}
