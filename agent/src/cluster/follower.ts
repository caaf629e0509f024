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
import { PAGE_FORMATS, type PageFormat } from '../exposition/page-format.ts'
import type { PageQuestion } from '../exposition/page-server.ts'
import { encodeFrame, type Frame, FrameReader } from './frames.ts'
import {
  encodePage,
  type Hello,
  type Kept,
  type Legacy,
  tryAsk,
  tryHeard,
  tryLegacy,
  UPGRADE_NAME,
  WORKER_PATH,
  type WorkerPage,
} from './protocol.ts'
import { isProof, prove } from './secret.ts'

export type Ended = 'left' | 'foreign' | 'unreachable'
const CONNECT_MS = 2_000

export type FollowerOptions = {
  readonly address: Listen
  readonly key: Uint8Array
  readonly self: Omit<Hello, 'proof' | 'isThread'>
  readonly isThread: boolean
  /** How long it may take is the hub's to say: it does not wait longer than that. */
  readonly page: (question: PageQuestion) => Promise<WorkerPage>
  /** `speak` says the last words, in every format that was asked for; resolves when the hub has heard them, or is gone. */
  readonly onJoined: (speak: (page: (format: PageFormat) => WorkerPage) => Promise<void>) => void
  /** The hub is about to end, and leaves what it and others said last. */
  readonly onLegacy: (legacy: Legacy) => void
  /** After a page has been given to the hub. */
  readonly onPage?: () => void
}

/** Less than what a hub waits for a worker: a collector that takes longer is left out, not the worker. */
const WAIT_MS = 400

export function join(options: FollowerOptions, signal: AbortSignal): Promise<Ended> {
  const { address, key, self, isThread, onJoined } = options
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
      write(socket as Socket, encodeFrame({ ...self, isThread, proof: prove(key, 'worker', theirs) } satisfies Hello))
      onJoined(serve(socket as Socket, head, options))
    })
    call.end()
  })
}

/** Answers the hub's questions; returns the way to say the last words. */
function serve(
  socket: Socket,
  head: Buffer,
  { page, onLegacy, onPage }: FollowerOptions,
): (page: (format: PageFormat) => WorkerPage) => Promise<void> {
  socket.unref()
  socket.setNoDelay(true)
  const reader = new FrameReader()
  const formats = new Set<PageFormat>()
  const unheard = new Set<PageFormat>()
  let onHeard = (): void => {}
  let kept = 0
  const answer = async (frame: Frame): Promise<void> => {
    const { head: message } = frame
    const legacy = tryLegacy(frame)
    if (legacy !== undefined) {
      onLegacy(legacy)
      write(socket, encodeFrame({ kept: ++kept } satisfies Kept))
      return
    }
    const heard = tryHeard(message)
    if (heard !== undefined && unheard.delete(heard) && unheard.size === 0) onHeard()
    const asked = tryAsk(message)
    // A hub that does not read gets no more pages: they would pile up here.
    if (asked === undefined || socket.writableLength > 0) return
    const { format, names } = asked
    formats.add(format)
    const told = await page({ format, waitMs: WAIT_MS, names: names === undefined ? undefined : new Set(names) })
    if (socket.destroyed) return
    write(socket, encodePage({ answer: asked.ask }, told))
    onPage?.()
  }
  const read = (piece: Buffer): void => {
    try {
      for (const frame of reader.push(piece)) answer(frame).catch(() => void socket.destroy())
    } catch {
      socket.destroy()
    }
  }
  socket.on('data', read)
  if (head.length > 0) read(head)
  return (last) =>
    new Promise((resolve) => {
      onHeard = resolve
      socket.once('close', () => resolve())
      for (const format of PAGE_FORMATS) {
        if (!formats.has(format)) continue
        unheard.add(format)
        write(socket, encodePage({ last: format }, last(format)))
      }
      if (unheard.size === 0 || socket.destroyed) resolve()
    })
}

function write(socket: Socket, pieces: readonly Uint8Array[]): void {
  socket.cork()
  for (const piece of pieces) socket.write(piece)
  socket.uncork()
}
