/**
 * A service that measures with the drop-in for prom-client: a summary, exemplars, a gauge that is set when it is asked for. GET /thread starts a
 * thread that measures the same; /block answers and then blocks the event loop until a line comes on stdin.
 */
import { readSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import client from '../../agent/src/prom-client/index.ts'

const registers = [new client.Registry(client.openMetricsContentType)]
const waits = new client.Summary({ name: 'wait_seconds', help: 'W.', labelNames: ['kind'], percentiles: [0.5, 0.9] })
for (const seconds of [1, 2, 3]) waits.observe({ kind: 'print' }, seconds)
const jobs = new client.Counter({
  name: 'jobs_total',
  help: 'J.',
  labelNames: ['kind'],
  registers,
  enableExemplars: true,
})
jobs.inc({ labels: { kind: 'print' }, value: 2, exemplarLabels: { trace_id: 'tr"1', thread: String(isMainThread) } })
const prices = new client.Histogram({
  name: 'price_seconds',
  help: 'P.',
  buckets: [1, 5],
  registers,
  enableExemplars: true,
})
prices.observe({ value: 0.5, exemplarLabels: { trace_id: 'x'.repeat(120) } })
prices.observe({ value: 9, exemplarLabels: { trace_id: 'above' } })
new client.Gauge({
  name: 'queue_length',
  help: 'Q.',
  collect() {
    this.set(4)
  },
})

if (isMainThread) {
  const server = createServer(async (request, response) => {
    response.setHeader('connection', 'close')
    if (request.url === '/thread')
      await new Promise((resolve) => new Worker(new URL(import.meta.url)).once('message', resolve))
    // Reading stdin blocks until there is a line.
    if (request.url === '/block') response.once('close', () => readSync(0, Buffer.alloc(100)))
    response.end('ok')
  })
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
} else {
  parentPort?.on('message', () => {})
  parentPort?.postMessage('ready')
}
