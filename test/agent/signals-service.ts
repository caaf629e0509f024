/**
 * A service that uses every hook of the agent that needs no other program: plain HTTP, HTTP/2, Express, Fastify, the HTTP clients, metrics
 * of its own of all kinds, the drop-in for prom-client, users, an outbox. It calls itself once and then says that it is ready.
 */
import { once } from 'node:events'
import { createServer, get, type Server } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { counter, gauge, histogram, outboxPending } from '../../agent/src/index.ts'
import client from '../../agent/src/prom-client/index.ts'

/** Observed into histograms, so that a test can count them itself. */
const SECONDS = [0, 0.0004, 0.005, 0.005, 0.0071, 0.02, 0.3, 0.3, 0.31, 1, 1.8, 2.5, 9.9, 70]
/** Label values that formats must escape. */
const ODD = ['plain', 'quo"te', 'back\\slash', 'line\nbreak', 'ä☃😀', ' ', '{}', 'x'.repeat(300), '\u0001']

const odd = counter('test_odd_total', { help: 'Odd "labels" \\ and\nhelp.', labels: ['value'] as const })
for (const [i, value] of ODD.entries()) odd.inc({ value }, i + 1)
counter('test_fractions_total', { help: 'Fractions.' }).inc({}, 0.1 + 0.2)
const numbers = gauge('test_numbers', { help: 'Numbers.', labels: ['kind'] as const })
for (const [kind, value] of Object.entries({ zero: 0, minus: -0, least: 4.9e-324, most: 1.7976931348623157e308 }))
  numbers.set(value, { kind })
const anything = new client.Gauge({ name: 'test_anything', help: 'NaN and infinities.', labelNames: ['kind'] })
anything.set({ kind: 'nan' }, Number.NaN)
anything.set({ kind: 'inf' }, Infinity)
anything.set({ kind: 'minus-inf' }, -Infinity)
const classic = histogram('test_classic_seconds', { help: 'Buckets.', bounds: [0.005, 0.3, 1, 10] })
const native = histogram('test_native_seconds', { help: 'Both.', bounds: [0.005, 0.3, 1, 10], native: true })
const byDropIn = new client.Histogram({ name: 'test_drop_in_seconds', help: 'Drop-in.', buckets: [0.005, 0.3, 1, 10] })
const summary = new client.Summary({ name: 'test_waits_seconds', help: 'Waits.', percentiles: [0.5, 0.99] })
for (const one of SECONDS) {
  classic.observe(one)
  native.observe(one)
  byDropIn.observe(one)
  summary.observe(one)
}
outboxPending('orders', () => 3)
gauge('test_collected', { help: 'Asked at each scrape.', collect: (it) => it.set(5) })
const registers = [new client.Registry(client.openMetricsContentType)]
const traced = { registers, enableExemplars: true, help: 'With exemplars.' }
new client.Counter({ ...traced, name: 'test_traced_total' }).inc({ value: 2, exemplarLabels: { trace_id: 'a {b}, c' } })
const tracedSeconds = new client.Histogram({ ...traced, name: 'test_traced_seconds', buckets: [1, 10] })
for (const [value, trace_id] of [
  [0.5, 'below'],
  [20, 'ä'.repeat(100)],
] as const)
  tracedSeconds.observe({ value, exemplarLabels: { trace_id } })

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const plain = await listen(createServer((_request, response) => void response.end('plain')))
const app = express()
app.get('/orders/:id', (_request, response) => void response.send('order'))
app.get('/fails', () => {
  throw new Error('as it should')
})
app.use(((_cause, _request, response, _next) => void response.status(500).end()) as express.ErrorRequestHandler)
const web = await listen(createServer(app))
const api = fastify()
api.get('/items/:id', async () => ({ ok: true }))
await api.listen({ port: 0, host: '127.0.0.1' })
const second = http2.createServer((_request, response) => void response.end('two')).listen(0, '127.0.0.1')
await once(second, 'listening')

const headers = { 'x-user-id': 'ada' }
for (const path of ['/orders/1', '/orders/2', '/nowhere', '/fails']) await (await fetch(web + path, { headers })).text()
await (await fetch(`http://127.0.0.1:${(api.server.address() as AddressInfo).port}/items/7`, { headers })).text()
await new Promise<void>((resolve) => {
  get(`${plain}/by-http`, (response) => response.resume().on('end', resolve))
})
await fetch('http://127.0.0.1:1/').catch(() => undefined)
const session = http2.connect(`http://127.0.0.1:${(second.address() as AddressInfo).port}`)
await new Promise<void>((resolve) => session.request({ ':path': '/two' }).resume().on('end', resolve).end())
session.close()
console.log(JSON.stringify({ seconds: SECONDS, odd: ODD }))
