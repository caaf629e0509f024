/** node:http alone, so that routes are guessed. Ends when told on stdin, the polite way. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer((request, response) => {
  if (request.url?.startsWith('/missing')) response.statusCode = 404
  response.end('ok')
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
process.stdin.once('data', () => {
  process.stdin.destroy()
  server.close()
  server.closeAllConnections()
})
