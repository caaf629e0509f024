/** A service that measures with the drop-in and serves a page of its own, as it did with prom-client. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import client from '../prom-client/index.ts'

const orders = new client.Counter({ name: 'orders_total', help: 'Orders.', labelNames: ['kind'] })
orders.labels('print').inc()
orders.inc({ kind: 'print' }, 2)
new client.Gauge({ name: 'queue_length', help: 'Waiting.' }).set(7)
new client.Histogram({ name: 'price_seconds', help: 'Calculations.', buckets: [0.5, 1] }).observe(0.3)
new client.Summary({ name: 'wait_seconds', help: 'Waits.', percentiles: [0.5] }).observe(4)
const wild = new client.Counter({ name: 'wild_total', help: 'A label that runs wild.', labelNames: ['path'] })
for (let i = 0; i < 40; i++) wild.inc({ path: `/${i}` })
let calls = 0
new client.Gauge({
  name: 'collected',
  help: 'How often it was asked.',
  collect() {
    this.set(++calls)
  },
})
const registry = new client.Registry()
new client.Gauge({ name: 'of_a_registry', help: 'Of a registry of its own.', registers: [registry] }).set(1)
new client.Gauge({ name: 'twice', help: 'Twice.' }).set(1)
new client.Gauge({ name: 'twice', help: 'Twice.', registers: [registry] }).set(2)
new client.Gauge({ name: 'process_resident_memory_bytes', help: 'Not the agent’s.' }).set(1)
client.collectDefaultMetrics({ prefix: 'app_', labels: { zone: 'b' } })

const server = createServer(async (_request, response) => {
  response.setHeader('content-type', client.register.contentType)
  response.end(`${await client.register.metrics()}\n${await registry.metrics()}`)
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
