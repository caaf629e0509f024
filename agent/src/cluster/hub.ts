/**
 * The hub: the worker that holds the metrics address answers for all.
 *
 * - Only connections from this machine that prove to hold the key are let in; at most MAX_WORKERS of them.
 * - Each scrape asks every worker anew and waits a bounded time. Who is silent is left out: an old page is never shown as if it were
 *   fresh, and `assay_agent_workers{state="silent"}` tells.
 * - Two workers with one label (the old and the new one of a reload) would write the same series twice: the younger one speaks.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { isLoopback } from '../config.ts'
import type { Format } from '../exposition/exposition.ts'
import { peek } from '../libraries/require-hook.ts'
import { encodeFrame, FrameReader } from './frames.ts'
import {
  type Answer,
  type Ask,
  type Hello,
  tryAnswer,
  tryHello,
  UPGRADE_NAME,
  WORKER_PATH,
  type WorkerPage,
} from './protocol.ts'
import { isProof, prove } from './secret.ts'

const MAX_WORKERS = 256
const GREETING_MS = 5_000

type Member = {
  readonly socket: Duplex
  hello: Hello | undefined
  readonly waiting: Map<number, (answer: Answer) => void>
}
/** What all other workers said. `silent` did not answer in time; `replaced` have a younger worker of the same label. */
export type Gathered = {
  readonly pages: readonly WorkerPage[]
  readonly silent: number
  readonly replaced: number
  readonly ownIsReplaced: boolean
}

export class Hub implements Disposable {
  readonly #key: Buffer
  readonly #members = new Set<Member>()
  #asked = 0

  constructor(key: Buffer) {
    this.#key = key
  }

  /** Takes an upgraded connection over, or ends it. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const nonce = request.headers['assay-nonce']
    const welcome =
      request.url === WORKER_PATH &&
      request.headers.upgrade === UPGRADE_NAME &&
      typeof nonce === 'string' &&
      isLoopback(request.socket.remoteAddress ?? '') &&
      this.#members.size < MAX_WORKERS
    if (!welcome) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
      return
    }
    const mine = randomBytes(16).toString('hex')
    const member: Member = { socket, hello: undefined, waiting: new Map() }
    this.#members.add(member)
    const reader = new FrameReader()
    const greeting = setTimeout(() => {
      if (member.hello === undefined) socket.destroy()
    }, GREETING_MS).unref()
    const read = (piece: Buffer): void => {
      try {
        for (const message of reader.push(piece)) this.#hear(member, message, mine)
      } catch {
        socket.destroy()
      }
    }
    socket.on('data', read)
    socket.on('close', () => {
      clearTimeout(greeting)
      this.#members.delete(member)
    })
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_NAME}\r\nassay-proof: ${prove(this.#key, 'hub', nonce)}\r\nassay-nonce: ${mine}\r\n\r\n`,
    )
    if (head.length > 0) read(head)
  }

  /** Asks all. Never rejects. `own` is the hub's own label and start. */
  async gather(
    format: Format,
    waitMs: number,
    own: { readonly worker: string; readonly startedAt: number },
  ): Promise<Gathered> {
    const youngest = new Map<string, number>([[own.worker, own.startedAt]])
    const present = [...this.#members].flatMap((member) =>
      member.hello === undefined ? [] : [{ member, hello: member.hello }],
    )
    for (const { hello } of present)
      youngest.set(hello.worker, Math.max(hello.startedAt, youngest.get(hello.worker) ?? 0))
    const speaking = present.filter(({ hello }) => hello.startedAt === youngest.get(hello.worker))
    const answers = await Promise.all(speaking.map(({ member }) => this.#ask(member, format, waitMs)))
    const pages = answers.filter((answer) => answer !== undefined)
    const ownIsReplaced = youngest.get(own.worker) !== own.startedAt
    return {
      pages,
      silent: answers.length - pages.length,
      replaced: present.length - speaking.length + (ownIsReplaced ? 1 : 0),
      ownIsReplaced,
    }
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#members) socket.destroy()
    this.#members.clear()
  }

  #hear(member: Member, message: unknown, nonce: string): void {
    if (member.hello === undefined) {
      const hello = tryHello(message)
      if (hello === undefined || !isProof(hello.proof, this.#key, 'worker', nonce)) {
        member.socket.destroy()
        return
      }
      // A process speaks through its newest connection only.
      for (const other of this.#members) {
        if (other.hello?.pid === hello.pid && other.hello.startedAt === hello.startedAt) other.socket.destroy()
      }
      member.hello = hello
      return
    }
    const id = peek(message, 'answer')
    const done = typeof id === 'number' ? member.waiting.get(id) : undefined
    const answer = done === undefined ? undefined : tryAnswer(message)
    if (answer !== undefined) done?.(answer)
  }

  #ask({ socket, waiting }: Member, format: Format, waitMs: number): Promise<Answer | undefined> {
    const ask: Ask = { ask: ++this.#asked, format }
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer)
        socket.removeListener('close', gone)
        waiting.delete(ask.ask)
        resolve(answer)
      }
      const gone = (): void => settle(undefined)
      const timer = setTimeout(gone, waitMs)
      socket.once('close', gone)
      waiting.set(ask.ask, settle)
      // A worker that does not read must not make us keep its questions.
      if (waiting.size > 4) settle(undefined)
      else socket.write(encodeFrame(ask))
    })
  }
}
