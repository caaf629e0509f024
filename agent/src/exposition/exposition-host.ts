/**
 * The main thread's side of the metrics address: listens until the first scrape, answers it, and hands over to a thread of its own.
 *
 * - Before the first connection there is one listening socket, and nothing else is loaded. At rest nothing wakes the process.
 * - The change-over: the thread is started, loads, and says `ready`; then this side stops listening and says `yours`, in one turn of the
 *   loop, and the thread listens. In between the address is free for some tenths of a millisecond, right after a scrape was answered.
 *   (With `reusePort` on both sockets there would be no such moment, but then two processes could hold one address: see door.ts.)
 * - From then on this thread is asked by message to bring its figures up to date, and for nothing else.
 * - A thread that cannot start or dies is replaced by this side, for good: said once. Nothing here keeps the process alive.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Worker } from 'node:worker_threads'
import type { Listen, ThreadMode } from '../config.ts'
import type { Say } from '../guard.ts'
import { noteHeard } from './heard.ts'
import { holdAddress } from './metrics-address.ts'
import type { Serving } from './serving.ts'
import type { FromMain, FromThread, SharedOfProcess, ThreadStart } from './thread-messages.ts'

/** An orderly end waits at most that long for the last words to be on their way; a few milliseconds as a rule. */
const LAST_WORDS_MS = 500
/** Pages lie outside of V8's heap; what is left is little. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 } as const

export type ExpositionOptions = {
  readonly mode: ThreadMode
  readonly listen: Listen
  /** Whether workers share this address. */
  readonly joins: boolean
  /** Gives all that pages are made of and by; called when somebody asks for one. */
  readonly start: () => ThreadStart
  readonly say: Say
  /** Brings all figures of the main thread up to date. Never rejects. */
  readonly collect: () => Promise<void>
  readonly fault: (cause: unknown) => void
  /** Of the server that is not the application's. */
  readonly onServer: (server: Server) => void
  /** Of the thread that is not the application's, before anybody is told of it. */
  readonly onThread: (thread: Worker) => void
  /** The address as it is bound; undefined when a hub has been joined. */
  readonly onHeld: (address: Listen | undefined) => void
}

export class Exposition {
  readonly #options: ExpositionOptions
  #mode: ThreadMode
  /** Of this thread, once it is needed. */
  #serving: Promise<Serving> | undefined
  #loaded: Serving | undefined
  #light: AbortController | undefined
  #listensAt: Listen | undefined
  #thread: Worker | undefined
  /** Where it is noted that a question of the thread was heard. */
  #heard: SharedArrayBuffer | undefined
  #ended: (() => void) | undefined

  constructor(options: ExpositionOptions) {
    this.#options = options
    this.#mode = options.mode
  }

  /** Serves until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve
    })
    const stop = (): void => {
      this.#light?.abort()
      void this.#thread?.terminate()
      this.#loaded?.[Symbol.dispose]()
      this.#mode = 'off'
      this.#ended?.()
    }
    if (signal.aborted) return
    signal.addEventListener('abort', stop, { once: true })
    if (this.#mode === 'start') this.#startThread()
    this.#serveHere()
    await ended
  }

  /** There is more memory to be read, or other. */
  share(shared: SharedOfProcess): void {
    this.#post({ type: 'shared', shared })
    this.#loaded?.share(shared)
  }

  /** Listens, or follows, on this thread. */
  #serveHere(): void {
    const { listen, joins, say } = this.#options
    const light = new AbortController()
    this.#light = light
    const address = this.#listensAt ?? listen
    const options = {
      address,
      say,
      onSocket: (socket: Socket) => {
        this.#here().then(
          (serving) => serving.take(socket),
          (cause: unknown) => {
            this.#options.fault(cause)
            socket.destroy()
          },
        )
      },
      join: joins
        ? async (onJoined: () => void, signal: AbortSignal) => (await this.#here()).join(address, onJoined, signal)
        : undefined,
      onHeld: (held: Listen | undefined) => {
        this.#listensAt = held ?? this.#listensAt
        this.#options.onHeld(held)
      },
    }
    holdAddress(options, light.signal).catch(this.#options.fault)
  }

  /** Loads what answers, with the first connection. */
  #here(): Promise<Serving> {
    const { start, collect, fault, onServer } = this.#options
    this.#serving ??= import('./serving.ts').then(
      ({ Serving }) =>
        (this.#loaded = new Serving({
          start: start(),
          refresh: async () => {
            await collect()
            return 'collected'
          },
          blockedSeconds: () => 0,
          fault,
          isOwnThread: false,
          onServer,
          onPage: () => {
            if (this.#mode === 'first-scrape') this.#startThread()
          },
        })),
    )
    return this.#serving
  }

  #startThread(): void {
    if (this.#thread !== undefined || this.#mode === 'off') return
    this.#mode = 'start'
    import('node:worker_threads').then(
      (threads) => {
        try {
          this.#run(new threads.Worker(threadFile(), this.#threadOptions()))
        } catch (cause) {
          this.#failed(cause)
        }
      },
      (cause: unknown) => this.#failed(cause),
    )
  }

  #threadOptions(): ConstructorParameters<typeof Worker>[1] {
    const start = this.#options.start()
    const workerData: ThreadStart = { ...start, listen: this.#listensAt ?? start.listen }
    return {
      workerData,
      name: 'assay-agent',
      // Without the application's flags and environment: a preload given by --import or NODE_OPTIONS must not run in it.
      execArgv: [],
      env: {},
      resourceLimits: RESOURCE_LIMITS,
      trackUnmanagedFds: false,
    }
  }

  #run(thread: Worker): void {
    this.#options.onThread(thread)
    this.#thread = thread
    let cause: unknown = 'it ended'
    thread.on('message', (message: FromThread) => this.#hear(message))
    thread.on('error', (error) => {
      cause = error
    })
    thread.on('exit', () => {
      if (this.#thread === thread) this.#failed(cause)
    })
    thread.unref()
  }

  #hear(message: FromThread): void {
    switch (message.type) {
      case 'ready':
        this.#heard = message.heard
        this.#letGo(message.free)
        return
      case 'held':
        this.#light?.abort()
        // Workers that this side has been the hub of find the new one at the same address.
        this.#loaded?.[Symbol.dispose]()
        if (this.#options.joins) this.#speakAtTheEnd()
        this.#options.onHeld(message.address)
        return
      case 'ask':
        // In this turn of the loop, before what takes longer.
        if (this.#heard !== undefined) noteHeard(this.#heard, message.id)
        void this.#options.collect().then(() => this.#post({ type: 'collected', id: message.id }))
        return
      case 'say':
        this.#options.say(message.code, message.message)
        return
      case 'fault':
        this.#options.fault(message.cause)
        return
      default:
        message satisfies never
    }
  }

  /** A follower goes on until the thread has joined; a hub must let go first, and wakes the thread in the same moment. */
  #letGo(free: SharedArrayBuffer): void {
    const { workers = 0, format } = this.#loaded ?? {}
    this.#post({ type: 'yours', listen: this.#listensAt, workers, format })
    if (this.#listensAt !== undefined) this.#light?.abort()
    const flag = new Int32Array(free)
    Atomics.store(flag, 0, 1)
    Atomics.notify(flag, 0)
  }

  #post(message: FromMain): void {
    this.#thread?.postMessage(message)
  }

  /** For good: what has failed once would fail again, and at each scrape. */
  #failed(cause: unknown): void {
    this.#thread = undefined
    if (this.#mode === 'off') return
    this.#mode = 'off'
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    this.#options.say(
      'ASSAY_AGENT_THREAD_GONE',
      `the thread that serves the metrics is gone (${why}); the main thread serves them, so that a blocked event loop does not answer`,
    )
    if (this.#light === undefined || this.#light.signal.aborted) this.#serveHere()
  }

  #speaks = false

  /** Other workers keep what one says last: else what it counted since the last scrape would be lost with it. */
  #speakAtTheEnd(): void {
    if (this.#speaks) return
    this.#speaks = true
    process.once('exit', () => {
      if (this.#thread === undefined) return
      const done = new SharedArrayBuffer(4)
      this.#post({ type: 'lastWords', done })
      Atomics.wait(new Int32Array(done), 0, 0, LAST_WORDS_MS)
    })
  }
}

/** The file of the thread; the published form has another name for it. */
function threadFile(): URL {
  return new URL('./thread.ts', import.meta.url)
}
