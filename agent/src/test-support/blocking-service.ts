/**
 * A plain service on a port of its own. GET /block answers and then blocks the event loop until a line comes on stdin; /busy answers and
 * then works on without an end, in turns of 20 ms; /close ends the service by having nothing more to do; /kill-thread makes the agent's thread run out of memory, as far as it can tell.
 */
import { readSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Worker } from 'node:worker_threads'

const threads: Worker[] = []
process.on('worker', (worker: Worker) => threads.push(worker))

function work(): void {
  const until = performance.now() + 20
  while (performance.now() < until);
  setImmediate(work)
}

const server = createServer((request, response) => {
  response.setHeader('connection', 'close')
  response.once('close', () => {
    // Reading stdin blocks until there is a line.
    if (request.url === '/block') readSync(0, Buffer.alloc(100))
    if (request.url === '/busy') work()
    if (request.url === '/close') server.close()
    if (request.url === '/kill-thread') for (const thread of threads) void thread.terminate()
  })
  response.end('ok')
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
