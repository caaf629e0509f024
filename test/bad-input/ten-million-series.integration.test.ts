/**
 * A target with ten million series, plain and packed, beside one with a single one: the large one is refused with a sentence, in bounded
 * memory, and the small one is scraped all the while.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { createGzip } from 'node:zlib'
import { directoryOf, serve } from '../support/serve.ts'

const SERIES = 10_000_000
const LINES = 10_000
const TEXT = 'text/plain; version=0.0.4'
/** Each large page takes up to 64 MiB while it comes; 700 MiB would be the pages as they are. (At most 330 MB were seen.) */
const MOST_MEMORY_MB = 600
const PATIENCE_MS = 90_000

/** Lines with a place for the number of their block: to write each line anew took longer than a scrape may, on a busy machine. */
const BLOCK = Array.from({ length: LINES }, (_, i) => `large_requests_total{route="/orders/#/${i}"} ${i}\n`).join('')

/** All the series, as fast as they are taken. */
async function send(response: ServerResponse, isPacked: boolean): Promise<void> {
  response.writeHead(200, { 'content-type': TEXT, ...(isPacked ? { 'content-encoding': 'gzip' } : {}) })
  const out = isPacked ? createGzip({ level: 1 }) : response
  if (out !== response) out.pipe(response)
  const gone = new Promise<void>((resolve) => response.once('close', () => resolve()))
  for (let block = 0; block * LINES < SERIES && !response.destroyed; block++) {
    if (!out.write(BLOCK.replaceAll('#', String(block))))
      await Promise.race([gone, new Promise((resolve) => out.once('drain', resolve))])
  }
  out.end()
}

test('ten million series of one target are refused in bounded memory, while others are scraped', async (t) => {
  await using owned = new AsyncDisposableStack()
  const asked = { large: 0, packed: 0, small: 0 }
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice(1) as keyof typeof asked
    asked[name]++
    response.on('error', () => undefined)
    if (name === 'small') response.writeHead(200, { 'content-type': TEXT }).end('fine 1\n')
    else void send(response, name === 'packed')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  owned.defer(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const job = (name: string, seconds: number) =>
    `  - { job_name: ${name}, metrics_path: /${name}, scrape_interval: ${seconds}s, scrape_timeout: ${seconds}s, static_configs: [{ targets: ['${host}'] }] }`
  const config = ['scrape_configs:', job('small', 1), job('large', 30), job('packed', 30)].join('\n')
  const directory = owned.use(await directoryOf({ 'prometheus.yml': config }))
  const { path } = directory
  const served = owned.use(
    await serve(['--config', join(path, 'prometheus.yml'), '--data', join(path, 'data'), '--listen', '127.0.0.1:0']),
  )
  type Wire = { readonly scrapePool: string; readonly health: string; readonly lastError: string }
  const reasonOf = async (pool: string) => {
    const answer = await fetch(`${served.url}/api/v1/targets?state=active`)
    const { data } = (await answer.json()) as { readonly data: { readonly activeTargets: readonly Wire[] } }
    const found = data.activeTargets.find((one) => one.scrapePool === pool)
    return found?.health === 'unknown' ? undefined : found?.lastError
  }
  let highest = 0
  const end = performance.now() + PATIENCE_MS
  for (const pool of ['large', 'packed']) {
    while ((await reasonOf(pool)) === undefined) {
      assert.ok(performance.now() < end, `${pool} was not refused in time`)
      const status = await readFile(`/proc/${served.child.pid}/status`, 'utf8').catch(() => '')
      highest = Math.max(highest, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.match((await reasonOf(pool)) ?? '', /^the answer is not smaller than 52428800 bytes \(body_size_limit\)/)
  }
  t.diagnostic(`at most ${Math.round(highest)} MB; the small one was asked ${asked.small} times`)
  assert.ok(highest < MOST_MEMORY_MB, `${highest} MB`)
  assert.equal(await reasonOf('small'), '')
  assert.ok(asked.small >= 3)
  const self = await (await fetch(`${served.url}/metrics`)).text()
  assert.match(self, /^prometheus_target_scrapes_exceeded_body_size_limit_total [1-9]/m)
  assert.equal(await served.stop(), 0)
})
