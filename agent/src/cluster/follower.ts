/**
 * A worker that is not the hub: holds one connection to the hub and answers its questions.
 *
 * `join` resolves when the connection has ended, with what that means: `left` (it was a hub of ours: the address may be free now),
 * `foreign` (whoever listens there cannot prove to be ours), `unreachable`. It never rejects and never keeps the process alive.
 */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import type { Listen } from '../config.ts'
import type { Format } from '../exposition/exposition.ts'
import { encodeFrame, FrameReader } from './frames.ts'
import { type Answer, type Hello, tryAsk, UPGRADE_NAME, WORKER_PATH, type WorkerPage } from './protocol.ts'
import { isProof, prove } from './secret.ts'

export type Ended = 'left' | 'foreign' | 'unreachable'
const CONNECT_MS = 2_000

export type FollowerOptions = {
  readonly address: Listen
  readonly key: Buffer
  readonly self: Omit<Hello, 'proof'>
  readonly page: (format: Format) => Promise<WorkerPage>
  readonly onJoined: () => void
}

export function join({ address, key, self, page, onJoined }: FollowerOptions, signal: AbortSignal): Promise<Ended> {
  const nonce = randomBytes(16).toString('hex')
  return new Promise((resolve) => {
    const host = address.host === '0.0.0.0' ? '127.0.0.1' : address.host === '::' ? '::1' : address.host
    const call = request({
      host,
      port: address.port,
      path: WORKER_PATH,
      agent: false,
      signal,
      headers: { connection: 'Upgrade', upgrade: UPGRADE_NAME, 'assay-nonce': nonce },
    })
    const timer = setTimeout(() => call.destroy(), CONNECT_MS).unref()
    const end = (why: Ended): void => {
      clearTimeout(timer)
      resolve(why)
    }
    call.on('socket', (socket) => void socket.unref())
    // A request that was upgraded also closes: from then on only the socket counts.
    let upgraded = false
    call.on('close', () => {
      if (!upgraded) end('unreachable')
    })
    call.on('error', () => end('unreachable'))
    call.on('response', (response) => {
      response.destroy()
      end('foreign')
    })
    call.on('upgrade', (response, socket, head) => {
      clearTimeout(timer)
      upgraded = true
      socket.on('error', () => socket.destroy())
      const theirs = response.headers['assay-nonce']
      if (typeof theirs !== 'string' || !isProof(response.headers['assay-proof'], key, 'hub', nonce)) {
        socket.destroy()
        end('foreign')
        return
      }
      socket.on('close', () => end('left'))
      socket.write(encodeFrame({ ...self, proof: prove(key, 'worker', theirs) } satisfies Hello))
      serve(socket as Socket, head, page)
      onJoined()
    })
    call.end()
  })
}

function serve(socket: Socket, head: Buffer, page: (format: Format) => Promise<WorkerPage>): void {
  socket.unref()
  socket.setNoDelay(true)
  const reader = new FrameReader()
  const answer = async (message: unknown): Promise<void> => {
    const asked = tryAsk(message)
    // A hub that does not read gets no more pages: they would pile up here.
    if (asked === undefined || socket.writableLength > 0) return
    const told = await page(asked.format)
    if (!socket.destroyed) socket.write(encodeFrame({ ...told, answer: asked.ask } satisfies Answer))
  }
  const read = (piece: Buffer): void => {
    try {
      for (const message of reader.push(piece)) answer(message).catch(() => void socket.destroy())
    } catch {
      socket.destroy()
    }
  }
  socket.on('data', read)
  if (head.length > 0) read(head)
}
