/**
 * Threads that evaluate queries, so that a heavy one keeps neither scrapes nor alerts waiting, and all processors serve.
 *
 * - A thread starts when a question comes and the others are busy, up to a number, one at a time; all leave after some minutes without a
 *   question.
 * - `undefined` instead of an answer: this question is for the first thread (see `StoreShare.lend`, query-thread.ts).
 * - A thread that ends, as one does whose query took more memory than it may have, takes its own questions with it and nothing else.
 * - A view of the store is lent until the answer is there; the text of a long answer is made from what the thread then has.
 */
import { Worker } from 'node:worker_threads'
import {
  type AnyBody,
  AssayError,
  type Log,
  type Matcher,
  messageOf,
  type Piece,
  type QueryAnswer,
  type QueryStats,
  type Writing,
} from '#core'
import type { Listing } from '#storage'
import type { StoreShare } from '#tsdb'
import {
  type FromThread,
  receiveAnswer,
  receiveError,
  sendListing,
  type ThreadSettings,
  type ToThread,
  type Work,
} from './query-message.ts'

export type QueryThreadsOptions = {
  readonly share: () => StoreShare
  readonly settings: ThreadSettings
  /** Most threads. */
  readonly most: number
  readonly log: Log
  /** How long threads stay without a question; left out: 5 min. */
  readonly idleMs?: number
  /** Memory for what a thread's queries make, besides their samples; left out: 512 MiB. */
  readonly maxHeapBytes?: number
}

/** A question to a thread. */
export type Question = Omit<Extract<Work, { readonly kind: 'query' }>, 'kind' | 'writing'> & {
  /** What it selects; left out: not known before. */
  readonly reads?: readonly (readonly Matcher[])[] | undefined
  readonly signal?: AbortSignal | undefined
}

export type ThreadBody = AnyBody & { readonly stats?: QueryStats }

const IDLE_MS = 5 * 60_000
const HEAP_BYTES = 512 * 1024 * 1024
/** Young objects of a thread: a query makes many that live short. */
const YOUNG_MIB = 24

type Told = Exclude<FromThread, { readonly kind: 'pieces' | 'ready' }>

type Waiting = {
  readonly done: (told: Told) => void
  readonly fail: (reason: unknown) => void
}

/** A body that is being read. */
type Reading = {
  readonly take: (pieces: readonly Piece[], isLast: boolean) => void
  readonly fail: (reason: unknown) => void
}

type OnEnd = (thread: QueryThread, reason: unknown) => void

class QueryThread {
  readonly #worker: Worker
  readonly #share: StoreShare
  readonly #onEnd: OnEnd
  readonly #maxHeapBytes: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #readings = new Map<number, Reading>()
  #nextId = 1
  /** It has started. */
  isReady = false

  constructor({ share, settings, maxHeapBytes = HEAP_BYTES }: QueryThreadsOptions, onEnd: OnEnd) {
    this.#share = share()
    this.#onEnd = onEnd
    this.#maxHeapBytes = maxHeapBytes
    // Beside us, and of our kind: source from the tree, emitted JavaScript from a package.
    const kind = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#worker = new Worker(new URL(`./query-thread.${kind}`, import.meta.url), {
      name: 'query',
      workerData: settings,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(maxHeapBytes / 2 ** 20),
        maxYoungGenerationSizeMb: YOUNG_MIB,
      },
    })
    this.#worker.unref()
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    this.#worker.once('error', (cause) => this.#end(cause))
    this.#worker.once('exit', (code) => this.#end(new Error(`it ended with ${code}`)))
  }

  /** Questions that it works on, and bodies that are read. */
  get load(): number {
    return this.#waiting.size + this.#readings.size
  }

  /** `undefined`: nothing can be lent now. */
  ask(work: Work, { reads, signal }: Pick<Question, 'reads' | 'signal'>): Promise<Told> | undefined {
    const lent = this.#share.lend(reads)
    if (lent === undefined) return undefined
    const id = this.#nextId++
    return new Promise<Told>((resolve, reject) => {
      let isLeft = false
      const leave = () => {
        isLeft = true
        this.#post({ kind: 'leave', id })
        reject(signal?.reason)
      }
      this.#waiting.set(id, {
        done: (told) => {
          // It may read until now, also when nobody waits any more: then what it read must still be there.
          this.#waiting.delete(id)
          signal?.removeEventListener('abort', leave)
          lent[Symbol.dispose]()
          // It was through before it heard; nobody will read the rest.
          if (isLeft && told.kind === 'body' && !told.isLast) this.#post({ kind: 'leave', id })
          resolve(told)
        },
        fail: (reason) => {
          this.#waiting.delete(id)
          signal?.removeEventListener('abort', leave)
          lent[Symbol.dispose]()
          reject(reason)
        },
      })
      signal?.addEventListener('abort', leave, { once: true })
      try {
        this.#worker.ref()
        this.#post({ kind: 'ask', id, work, view: lent.view })
      } catch (error) {
        // It may not have learnt of the memory that it was to be told of.
        this.#end(error)
        void this.#worker.terminate()
      }
    })
  }

  /** The pieces of a body, the first of which are here; the others are asked for as they are read. */
  piecesOf({
    id,
    pieces,
    isLast,
  }: Extract<Told, { readonly kind: 'body' }>): () => Iterable<Piece> | AsyncIterable<Piece> {
    if (isLast) return () => pieces
    const here = [...pieces]
    let isDone = false
    let next: { readonly resolve: () => void; readonly reject: (reason: unknown) => void } | undefined
    const leave = () => {
      if (this.#readings.delete(id)) this.#post({ kind: 'leave', id })
    }
    this.#readings.set(id, {
      take: (more, isTheLast) => {
        here.push(...more)
        isDone = isTheLast
        if (isDone) this.#readings.delete(id)
        next?.resolve()
      },
      fail: (reason) => next?.reject(reason),
    })
    const iterator: AsyncIterableIterator<Piece> = {
      [Symbol.asyncIterator]: () => iterator,
      next: async () => {
        while (here.length === 0) {
          if (isDone) return { done: true, value: undefined }
          if (!this.#readings.has(id))
            throw new AssayError('ASSAY_QUERY_THREAD', 'the thread that wrote the answer ended')
          await new Promise<void>((resolve, reject) => {
            next = { resolve, reject }
            this.#post({ kind: 'more', id })
          })
        }
        return { done: false, value: here.shift()! }
      },
      return: async () => {
        leave()
        return { done: true, value: undefined }
      },
    }
    return () => iterator
  }

  async end(reason: unknown): Promise<void> {
    this.#end(reason)
    await this.#worker.terminate()
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromThread): void {
    if (message.kind === 'ready') this.isReady = true
    else if (message.kind === 'pieces') this.#readings.get(message.id)?.take(message.pieces, message.isLast)
    else this.#waiting.get(message.id)?.done(message)
    if (this.load === 0) this.#worker.unref()
  }

  #end(cause: unknown): void {
    this.#onEnd(this, cause)
    const reason = this.#refusal(cause)
    for (const one of [...this.#waiting.values()]) one.fail(reason)
    const readings = [...this.#readings.values()]
    this.#readings.clear()
    for (const one of readings) one.fail(reason)
  }

  #refusal(cause: unknown): unknown {
    if (cause instanceof AssayError) return cause
    const isMemory = cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
    const what = isMemory
      ? `a query took more than the ${Math.round(this.#maxHeapBytes / 2 ** 20)} MiB that its thread has; ask for fewer series or steps`
      : `the thread that evaluated the query ended: ${messageOf(cause)}; ask again`
    return new AssayError('ASSAY_QUERY_THREAD', what, { cause })
  }
}

export class QueryThreads implements AsyncDisposable {
  readonly #options: QueryThreadsOptions
  readonly #threads: QueryThread[] = []
  #idle: NodeJS.Timeout | undefined
  #closed = false
  #answered = 0
  #given = 0
  #ended = 0

  constructor(options: QueryThreadsOptions) {
    this.#options = options
  }

  /** Threads that run; questions that were answered; those given back to the first thread; threads that ended by themselves. */
  get counts(): {
    readonly threads: number
    readonly answered: number
    readonly given: number
    readonly ended: number
  } {
    return { threads: this.#threads.length, answered: this.#answered, given: this.#given, ended: this.#ended }
  }

  /** Starts a thread if there is none. Returns whether a question would be worked on at once, and not after such a start. */
  warmUp(): boolean {
    if (this.#closed) return false
    if (this.#threads.length === 0) this.#start()
    this.#watch()
    return this.#threads.some(({ isReady }) => isReady)
  }

  /** Rejects as a `QueryFn` does, and with `ASSAY_QUERY_THREAD`. */
  async query({ signal, reads, ...question }: Question): Promise<QueryAnswer | undefined> {
    const { told } = (await this.#ask({ kind: 'query', ...question }, { signal, reads })) ?? {}
    return told?.kind === 'answer' ? receiveAnswer(told.answer) : undefined
  }

  /** As `query`, for an answer that is written in the thread. */
  async body({ signal, reads, ...question }: Question, writing: Writing): Promise<ThreadBody | undefined> {
    return bodyOf(await this.#ask({ kind: 'query', ...question, writing }, { signal, reads }))
  }

  /** What is stored, listed. */
  async list(listing: Listing, signal: AbortSignal | undefined): Promise<ThreadBody | undefined> {
    const reads = listing.sets.length === 0 ? undefined : listing.sets
    return bodyOf(await this.#ask({ kind: 'list', listing: sendListing(listing) }, { signal, reads }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    await this.#endAll(new AssayError('ASSAY_STORE_CLOSED', 'the store is closed; nothing was read or written'))
  }

  async #ask(work: Work, asked: Pick<Question, 'reads' | 'signal'>): Promise<Answered | undefined> {
    asked.signal?.throwIfAborted()
    const thread = this.#pick()
    this.#watch()
    const told = await thread?.ask(work, asked)
    if (thread === undefined || told === undefined || told.kind === 'elsewhere') {
      this.#given++
      return undefined
    }
    if (told.kind === 'failed') throw receiveError(told.error)
    this.#answered++
    return { told, thread }
  }

  /** The one with the least to do, of those that have started. While all are busy another one starts, for the questions that follow. */
  #pick(): QueryThread | undefined {
    if (this.#closed) return undefined
    let best: QueryThread | undefined
    for (const thread of this.#threads) {
      const isBetter = best === undefined || (thread.isReady && !best.isReady) || thread.load < best.load
      if (isBetter && (best === undefined || thread.isReady || !best.isReady)) best = thread
    }
    const isBusy = best === undefined || best.load > 0
    if (isBusy && this.#threads.length < this.#options.most && this.#threads.every(({ isReady }) => isReady)) {
      const fresh = this.#start()
      return best ?? fresh
    }
    return best
  }

  #start(): QueryThread {
    const fresh = new QueryThread(this.#options, (thread, reason) => this.#gone(thread, reason))
    this.#threads.push(fresh)
    return fresh
  }

  #gone(thread: QueryThread, reason: unknown): void {
    const at = this.#threads.indexOf(thread)
    if (at < 0) return
    this.#threads.splice(at, 1)
    if (this.#closed || reason === IDLE) return
    this.#ended++
    this.#options.log.error({ err: messageOf(reason) }, 'a thread of queries ended; the next query starts another')
  }

  /** Ends all when nobody has asked for a while. */
  #watch(): void {
    if (this.#idle !== undefined) {
      this.#idle.refresh()
      return
    }
    this.#idle = setTimeout(() => {
      if (this.#threads.some(({ load }) => load > 0)) this.#idle?.refresh()
      else void this.#endAll(IDLE)
    }, this.#options.idleMs ?? IDLE_MS)
    this.#idle.unref()
  }

  async #endAll(reason: unknown): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.end(reason)))
  }
}

type Answered = { readonly told: Told; readonly thread: QueryThread }

function bodyOf(answered: Answered | undefined): ThreadBody | undefined {
  if (answered?.told.kind !== 'body') return undefined
  const { points, stats } = answered.told
  return {
    points,
    pieces: answered.thread.piecesOf(answered.told),
    isAlone: true,
    ...(stats === undefined ? {} : { stats }),
  }
}

const IDLE = new Error('nobody asked')
