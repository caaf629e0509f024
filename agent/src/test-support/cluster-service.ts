/**
 * Three workers of node:cluster on one port. GET /block keeps a worker busy, /exit ends one in order; a worker that dies is not replaced.
 * With FORK_WHEN_TOLD set the primary forks at a line on stdin.
 */
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { start } from '../index.ts'

const WORKERS = 3
const BLOCK_MS = 2_000

// As an application does that imports the agent: the primary must leave the address to the workers all the same.
start()
if (cluster.isPrimary) {
  const listening = new Set<number>()
  cluster.on('listening', (worker, address) => {
    listening.add(worker.id)
    if (listening.size === WORKERS) {
      const pids = Object.values(cluster.workers ?? {}).map((one) => one?.process.pid)
      console.log(JSON.stringify({ port: address.port, pids }))
    }
  })
  const fork = (): void => {
    for (let i = 0; i < WORKERS; i++) cluster.fork()
  }
  if (process.env['FORK_WHEN_TOLD'] === undefined) fork()
  else {
    console.log('{}')
    process.stdin.once('data', fork)
  }
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
    process.exit()
  })
} else {
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close')
    response.end(JSON.stringify({ pid: process.pid, port: (server.address() as AddressInfo).port }))
    if (request.url === '/exit') response.once('close', () => process.exit())
    if (request.url === '/block') {
      response.once('close', () => {
        const until = performance.now() + BLOCK_MS
        while (performance.now() < until);
      })
    }
  })
  server.listen(0, '127.0.0.1')
  process.on('disconnect', () => process.exit())
}
