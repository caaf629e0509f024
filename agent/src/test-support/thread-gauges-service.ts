/**
 * A service whose threads have pools, an outbox and metrics with a `collect`, as its main thread has. GET /spawn starts a thread; /block lets the
 * one that was started first stand still until /free; /block-main lets the main thread stand still until a line comes on stdin.
 */
import { readSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Agent } from '../agent.ts'
import { counter, outboxPending } from '../index.ts'
import { Pools } from '../libraries/pg-pools.ts'
import client from '../prom-client/index.ts'

const agent = (globalThis as unknown as Record<symbol, Agent>)[Symbol.for('assay.agent.1')]!
const pools = new Pools(agent.store)
const seen = ['shared', isMainThread ? 'main-only' : 'threads-only'].map((host) => ({
  totalCount: 3,
  idleCount: 1,
  waitingCount: 4,
  options: { host, database: 'shop', max: 10 },
}))
for (const pool of seen) pools.see(pool)
// The agent does not keep them.
process.once('exit', () => seen)
outboxPending('orders', () => (isMainThread ? 5 : 7))
new client.Gauge({
  name: 'jobs_waiting',
  help: 'Jobs.',
  collect() {
    this.set(2)
  },
})
new client.Summary({ name: 'wait_seconds', help: 'Waits.', percentiles: [0.5] }).observe(isMainThread ? 1 : 3)
counter('shop_jobs_total', { help: 'Jobs.' }).inc()

const gate = (isMainThread ? new SharedArrayBuffer(4) : workerData) as SharedArrayBuffer
parentPort?.on('message', () => void Atomics.wait(new Int32Array(gate), 0, 0))
parentPort?.postMessage('ready')

const threads: Worker[] = []
if (isMainThread) {
  const server = createServer(async (request, response) => {
    response.setHeader('connection', 'close')
    if (request.url === '/spawn') {
      const thread = new Worker(new URL(import.meta.url), { workerData: gate })
      threads.push(thread)
      await new Promise((resolve) => thread.once('message', resolve))
    }
    if (request.url === '/end') await threads.shift()?.terminate()
    if (request.url === '/block') threads[0]?.postMessage('stand still')
    if (request.url === '/free') {
      Atomics.store(new Int32Array(gate), 0, 1)
      Atomics.notify(new Int32Array(gate), 0)
    }
    // Reading stdin blocks until there is a line.
    if (request.url === '/block-main') response.once('close', () => readSync(0, Buffer.alloc(100)))
    response.end('ok')
  })
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
}
