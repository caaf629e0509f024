/**
 * The life of one service process under PM2, or alone.
 *
 * - It says `ready` only when it can serve, so that a reload never takes the old process away too early.
 * - On SIGINT or SIGTERM it stops accepting, answers what is in flight and what still arrives on open connections (with
 *   `connection: close`), then closes what it owns. Closing idle connections at once would race with a request that is
 *   already on its way: hence the grace.
 */

import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { log } from './log.ts'

/** Long enough for a request that a client sent before it could know; shorter than PM2's patience. */
const GRACE_MS = 400
const PATIENCE_MS = 6000

export type Life = {
  readonly name: string
  readonly server: Server
  /** Resolves when everything needed to serve is there. */
  readonly prepared: Promise<void>
  readonly owned: AsyncDisposableStack
  readonly stopping: AbortController
}

/** Connections are closed after so many requests, so that a new worker soon gets its share of long-lived clients. */
export const REQUESTS_PER_CONNECTION = 20

export async function live({ name, server, prepared, owned, stopping }: Life): Promise<void> {
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION
  server.keepAliveTimeout = 15_000
  server.prependListener('request', (_, response) => {
    if (stopping.signal.aborted) response.setHeader('connection', 'close')
  })
  const stop = async (why: string) => {
    if (stopping.signal.aborted) return
    stopping.abort()
    log('info', 'stopping', { name, why })
    // net's own close: http's would cut idle connections at once.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
    await sleep(GRACE_MS)
    server.closeIdleConnections()
    await Promise.race([closed, sleep(PATIENCE_MS)])
    await Promise.race([owned.disposeAsync(), sleep(1000)])
    process.exit(0)
  }
  process.once('SIGINT', () => void stop('SIGINT'))
  process.once('SIGTERM', () => void stop('SIGTERM'))
  await prepared
  process.send?.('ready')
  log('info', 'ready', { name, pid: process.pid })
}
