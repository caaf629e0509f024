/** A service that tells the agent what only it knows. GET /users/:id is that user's; without an id `identify` throws. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { counter, identify, outboxPending, setRoute } from '../index.ts'

const orders = counter('shop_orders_total', { help: 'Orders taken.', labels: ['kind'] })
identify((request: { url: string }) => {
  const [, id] = /^\/users\/(\w+)/.exec(request.url) ?? []
  if (id === undefined) throw new Error('nobody')
  return id
})
outboxPending('orders', async () => 7)
outboxPending('broken', () => {
  throw new Error('database down')
})
outboxPending('slow', () => new Promise<number>(() => {}))

const server = createServer((request, response) => {
  setRoute(request, '/own/{template}')
  orders.inc({ kind: 'print' })
  response.end()
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
