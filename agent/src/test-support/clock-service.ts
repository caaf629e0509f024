/** A service that turns its clocks as a request asks, as tests with false timers do, and asks itself once by node:http and once by fetch. */
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { buffer } from 'node:stream/consumers'

const real = { wall: Date.now.bind(Date), monotonic: performance.now.bind(performance) }

const server = createServer(async (request, response) => {
  const { 'x-wall': wall, 'x-monotonic': monotonic } = request.headers
  if (wall !== undefined) Date.now = () => real.wall() + Number(wall)
  if (monotonic !== undefined) performance.now = () => real.monotonic() + Number(monotonic)
  if (request.url === '/outer') {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/inner`
    await (await fetch(url)).text()
    await new Promise<void>((resolve, reject) =>
      get(url, (answer) => void buffer(answer).then(() => resolve(), reject)).on('error', reject),
    )
  }
  response.end('ok')
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
