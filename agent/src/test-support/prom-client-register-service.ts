/** A service that knows prom-client alone; the drop-in is put in its place from outside. */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import client, { Counter } from 'prom-client'

const required = createRequire(import.meta.url)('prom-client') as typeof client
new Counter({ name: 'by_import_total', help: 'By import.' }).inc()
new required.Counter({ name: 'by_require_total', help: 'By require.' }).inc()

const server = createServer((_request, response) => void response.end())
server.listen(0, '127.0.0.1', () => {
  const isOurs = (one: unknown): boolean => String(one).includes('#home')
  const { port } = server.address() as AddressInfo
  console.log(
    JSON.stringify({
      imported: isOurs(client.Counter),
      required: isOurs(required.Counter),
      namespace: Counter === required.Counter,
      port,
    }),
  )
})
