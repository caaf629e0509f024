/**
 * The hub: the worker that holds the metrics address answers for all.
 *
 * - Only connections from this machine that prove to hold the key are let in; at most MAX_WORKERS of them.
 * - Each scrape asks every worker anew and waits a bounded time. Who is silent is left out: an old page is never shown as if it were
 *   fresh, and `assay_agent_workers{state="silent"}` tells.
 * - Two workers with one label (the old and the new one of a reload) would write the same series twice: the younger one speaks.
 * - After a change of thread the workers come back one by one: the first scrapes wait for them, within the time they have for silent ones.
 * - What a worker said last before an orderly end is shown for DEPARTED_MS more (departed.ts). What the hub itself has to say last it tells
 *   all workers, as one of them is the hub next.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { isLoopback } from '../config.ts'
import type { PageFormat } from '../exposition/page-format.ts'
import type { PageQuestion } from '../exposition/page-server.ts'
import { peek } from '../libraries/require-hook.ts'
import { Departed } from './departed.ts'
import { encodeFrame, type Frame, FrameReader } from './frames.ts'
import {
  type Answer,
  type Ask,
  encodePage,
  type Heard,
  type Hello,
  type Legacy,
  tryAnswer,
  tryHello,
  tryLastWords,
  UPGRADE_NAME,
  WORKER_PATH,
  type WorkerPage,
} from './protocol.ts'
import { isProof, prove } from './secret.ts'

const MAX_WORKERS = 256
const GREETING_MS = 5_000
/** So long after a change of thread a worker that has not come back is not waited for any more. */
const RETURN_MS = 1_000

type Member = {
  readonly socket: Duplex
  hello: Hello | undefined
  readonly waiting: Map<number, (answer: Answer) => void>
  readonly last: Map<PageFormat, WorkerPage>
  /** How much of what the hub leaves it has. */
  kept: number
  onKept: () => void
}
/** What all other workers said. `silent` did not answer in time; `replaced` have a younger worker of the same label. */
export type Gathered = {
  readonly pages: readonly WorkerPage[]
  readonly silent: number
  readonly replaced: number
  /** How many of the pages are last words. */
  readonly departed: number
  readonly ownIsReplaced: boolean
}

export class Hub implements Disposable {
  readonly #key: Uint8Array
  readonly #now: () => number
  readonly #members = new Set<Member>()
  readonly #departed = new Departed()
  /** In which pages have been asked for. */
  readonly #formats = new Set<PageFormat>()
  #asked = 0
  #expected = { workers: 0, untilMs: 0 }
  #onHello: (() => void)[] = []

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(key: Uint8Array, now: () => number) {
    this.#key = key
    this.#now = now
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
    const member: Member = { socket, hello: undefined, waiting: new Map(), last: new Map(), kept: 0, onKept() {} }
    this.#members.add(member)
    const reader = new FrameReader()
    const greeting = setTimeout(() => {
      if (member.hello === undefined) socket.destroy()
    }, GREETING_MS).unref()
    const read = (piece: Buffer): void => {
      try {
        for (const frame of reader.push(piece)) this.#hear(member, frame, mine)
      } catch {
        socket.destroy()
      }
    }
    socket.on('data', read)
    socket.on('close', () => {
      clearTimeout(greeting)
      this.#members.delete(member)
      if (member.hello !== undefined) this.#departed.add(member.hello, member.last, this.#now())
    })
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_NAME}\r\nassay-proof: ${prove(this.#key, 'hub', nonce)}\r\nassay-nonce: ${mine}\r\n\r\n`,
    )
    if (head.length > 0) read(head)
  }

  /** How many workers have said who they are. */
  get size(): number {
    let size = 0
    for (const { hello } of this.#members) if (hello !== undefined) size++
    return size
  }

  /** So many workers are about to come back. */
  expect(workers: number): void {
    this.#expected = { workers, untilMs: this.#now() + RETURN_MS }
  }

  /** Asks all. Never rejects. `own` is the hub's own label and start. */
  async gather(
    { format, names, waitMs }: PageQuestion,
    own: { readonly worker: string; readonly startedAt: number },
  ): Promise<Gathered> {
    this.#formats.add(format)
    await this.#returned(waitMs)
    const youngest = new Map<string, number>([[own.worker, own.startedAt]])
    const present = [...this.#members].flatMap((member) =>
      member.hello === undefined ? [] : [{ member, hello: member.hello }],
    )
    for (const { hello } of present)
      youngest.set(hello.worker, Math.max(hello.startedAt, youngest.get(hello.worker) ?? 0))
    const speaking = present.filter(({ hello }) => hello.startedAt === youngest.get(hello.worker))
    const asked = names === undefined ? undefined : [...names]
    const until = this.#now() + waitMs
    const answers = await Promise.all(speaking.map(({ member }) => this.#ask(member, format, asked, until)))
    const pages: WorkerPage[] = answers.filter((answer) => answer !== undefined)
    // Who lives now: one that was asked may have said its last words meanwhile.
    const living = new Set([own.worker])
    for (const { hello } of this.#members) if (hello !== undefined) living.add(hello.worker)
    const departed = this.#departed.pages(format, names, living, this.#now())
    const ownIsReplaced = youngest.get(own.worker) !== own.startedAt
    return {
      pages: [...pages, ...departed],
      silent: answers.length - pages.length,
      replaced: present.length - speaking.length + (ownIsReplaced ? 1 : 0),
      departed: departed.length,
      ownIsReplaced,
    }
  }

  /**
   * Leaves what this process, and those that went before it, said last to all workers. Resolves when they have it, or are gone. The bytes of
   * `own` are kept until then.
   */
  async bequeath(worker: string, own: (format: PageFormat) => WorkerPage): Promise<void> {
    const members = [...this.#members].filter(({ hello }) => hello !== undefined)
    if (members.length === 0) return
    const legacies = [
      ...this.#departed
        .entries()
        .flatMap((gone) => [...gone.pages].map(([last, page]): Legacy => ({ ...page, last, left: gone.worker }))),
      ...[...this.#formats].map((last): Legacy => ({ ...own(last), last, left: worker })),
    ]
    const frames = legacies.flatMap(({ left, last, ...page }) => encodePage({ left, last }, page))
    await Promise.all(members.map((member) => this.#leaveTo(member, frames, legacies.length)))
  }

  /** Keeps what a hub has left, in case this is the next one. */
  inherit(legacy: Legacy): void {
    this.#departed.inherit(legacy, this.#now())
  }

  /** There is another hub, which has the same. */
  forget(): void {
    this.#departed.clear()
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#members) socket.destroy()
    this.#members.clear()
  }

  async #returned(waitMs: number): Promise<void> {
    const until = Math.min(this.#now() + waitMs, this.#expected.untilMs)
    while (this.size < this.#expected.workers && this.#now() < until) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, until - this.#now())
        this.#onHello.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  #leaveTo(member: Member, frames: readonly Uint8Array[], count: number): Promise<void> {
    const { socket, kept } = member
    return new Promise((resolve) => {
      if (count === 0 || socket.destroyed) return resolve()
      member.onKept = () => {
        if (member.kept - kept >= count) resolve()
      }
      socket.once('close', () => resolve())
      for (const piece of frames) socket.write(piece)
    })
  }

  #hear(member: Member, frame: Frame, nonce: string): void {
    if (member.hello === undefined) {
      const hello = tryHello(frame.head)
      if (hello === undefined || !isProof(hello.proof, this.#key, 'worker', nonce)) {
        member.socket.destroy()
        return
      }
      // A process speaks through its newest connection only. Its main thread's goes when its own thread has taken over, and may come once
      // more before it has heard of that: then it is the one to go.
      const others = [...this.#members].filter(
        ({ hello: other }) => other?.pid === hello.pid && other.startedAt === hello.startedAt,
      )
      if (!hello.isThread && others.some(({ hello: other }) => other?.isThread === true)) {
        member.socket.destroy()
        return
      }
      member.hello = hello
      for (const { socket } of others) socket.destroy()
      for (const told of this.#onHello.splice(0)) told()
      return
    }
    const words = tryLastWords(frame)
    if (words !== undefined) {
      member.last.set(words.last, words)
      for (const piece of encodeFrame({ heard: words.last } satisfies Heard)) member.socket.write(piece)
      return
    }
    const kept = peek(frame.head, 'kept')
    if (typeof kept === 'number') {
      member.kept = kept
      member.onKept()
      return
    }
    const id = peek(frame.head, 'answer')
    const done = typeof id === 'number' ? member.waiting.get(id) : undefined
    const answer = done === undefined ? undefined : tryAnswer(frame)
    if (answer !== undefined) done?.(answer)
  }

  #ask(
    { socket, waiting, hello }: Member,
    format: PageFormat,
    names: readonly string[] | undefined,
    untilMs: number,
  ): Promise<Answer | undefined> {
    const ask: Ask = { ask: ++this.#asked, format, names }
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer)
        socket.removeListener('close', gone)
        waiting.delete(ask.ask)
        resolve(answer)
      }
      // The process has taken another thread to speak: that one is asked instead.
      const gone = (): void => {
        const heir = [...this.#members].find(
          (one) => one.hello !== undefined && one.hello.pid === hello?.pid && one.hello.startedAt === hello.startedAt,
        )
        if (heir !== undefined && heir.socket !== socket) resolve(this.#ask(heir, format, names, untilMs))
        settle(undefined)
      }
      const timer = setTimeout(() => settle(undefined), Math.max(0, untilMs - this.#now()))
      socket.once('close', gone)
      waiting.set(ask.ask, settle)
      // A worker that does not read must not make us keep its questions.
      if (waiting.size > 4) settle(undefined)
      else for (const piece of encodeFrame(ask)) socket.write(piece)
    })
  }
}
