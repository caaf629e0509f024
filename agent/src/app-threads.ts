/**
 * Worker threads of the application: what each counts in a store of its own is told on the one page of the process, summed up.
 *
 * - A preload runs in each thread, too. There it opens nothing: it announces its memory on a channel that all threads of the process share.
 * - The main thread keeps the list, and listens only once there is a thread. A thread that ends is added to one retired store, so that its
 *   counters stay in the sum and memory stays bounded; its gauges go.
 * - `epoch` changes with the list, in the same turn in which an ended thread moves to the retired store: whoever reads with another one than it
 *   was told would count that thread twice, and waits for the new list, which is on its way.
 */
import type { BroadcastChannel, Worker } from 'node:worker_threads'
import { addStore, type SharedStore, Store, StoreReader } from './store/index.ts'
import type { SharedUsers } from './users/index.ts'

const CHANNEL = 'assay.agent.1'
/** Sketches of users of threads that have ended: enough for those of a day, unless threads come and go all the time. */
const MAX_ENDED_USERS = 64

/** What a thread counts in. */
export type ThreadMemory = { readonly store: SharedStore; readonly users: SharedUsers | undefined }

type Message =
  | { readonly type: 'here'; readonly id: number; readonly memory: ThreadMemory }
  | { readonly type: 'child'; readonly id: number; readonly parent: number }
  | { readonly type: 'ended'; readonly id: number }

type Threads = typeof import('node:worker_threads')

export type ThreadsOptions = {
  /** Gives `node:worker_threads`, once there is a reason to load it. */
  readonly load: () => Threads
  readonly fault: (cause: unknown) => void
  /** Other memory is to be read from now on. */
  readonly onChange: () => void
}

/** The main thread's list of the others. */
export class AppThreads implements Disposable {
  /** Threads that are not the application's. */
  readonly ignored = new WeakSet<Worker>()
  /** Of the list as it is; see above. */
  readonly epoch = new Int32Array(new SharedArrayBuffer(4))
  readonly #options: ThreadsOptions
  readonly #living = new Map<number, ThreadMemory>()
  readonly #parents = new Map<number, number>()
  #retired: Store | undefined
  readonly #endedUsers: SharedUsers[] = []
  #channel: BroadcastChannel | undefined

  constructor(options: ThreadsOptions) {
    this.#options = options
    process.on('worker', this.#onWorker)
  }

  /** What there is beside the main thread's own store. */
  get stores(): readonly SharedStore[] {
    const retired = this.#retired === undefined ? [] : [this.#retired.shared]
    return [...retired, ...Array.from(this.#living.values(), ({ store }) => store)]
  }

  get users(): readonly SharedUsers[] {
    return [...this.#endedUsers, ...Array.from(this.#living.values(), ({ users }) => users)].filter(
      (one) => one !== undefined,
    )
  }

  [Symbol.dispose](): void {
    process.off('worker', this.#onWorker)
    this.#channel?.close()
  }

  readonly #onWorker = (worker: Worker): void => {
    try {
      if (this.ignored.has(worker)) return
      const { threadId } = worker
      this.#listen()
      worker.once('exit', () => this.#ended(threadId))
    } catch (cause) {
      this.#options.fault(cause)
    }
  }

  #listen(): void {
    if (this.#channel !== undefined) return
    const channel = openChannel(this.#options.load())
    this.#channel = channel
    channel.onmessage = ((event: { readonly data: unknown }) => {
      try {
        this.#hear(event.data as Message)
      } catch (cause) {
        this.#options.fault(cause)
      }
    }) as typeof channel.onmessage
  }

  #hear(message: Message): void {
    switch (message.type) {
      case 'here':
        this.#living.set(message.id, message.memory)
        this.#changed()
        return
      case 'child':
        this.#parents.set(message.id, message.parent)
        return
      case 'ended':
        this.#ended(message.id)
        return
      default:
        message satisfies never
    }
  }

  /** A thread takes those that it has started with it. */
  #ended(id: number): void {
    const children = [...this.#parents].filter(([, parent]) => parent === id).map(([child]) => child)
    for (const child of children) this.#ended(child)
    this.#parents.delete(id)
    const memory = this.#living.get(id)
    if (memory === undefined) return
    this.#living.delete(id)
    Atomics.add(this.epoch, 0, 1)
    const reader = new StoreReader(memory.store)
    reader.read()
    this.#retired ??= new Store()
    addStore(reader, this.#retired, false)
    if (memory.users !== undefined) this.#endedUsers.push(memory.users)
    this.#endedUsers.splice(0, this.#endedUsers.length - MAX_ENDED_USERS)
    this.#options.onChange()
  }

  #changed(): void {
    Atomics.add(this.epoch, 0, 1)
    this.#options.onChange()
  }
}

/**
 * In a thread of the application: what it gives tells the main thread what is counted here, also when that is other memory than before. The
 * main thread learns of the threads that are started here, too. Ends with the thread.
 */
export function threadAnnouncer(threads: Threads): (memory: ThreadMemory) => void {
  const channel = openChannel(threads)
  const post = (message: Message): void => channel.postMessage(message)
  process.on('worker', (worker: Worker) => {
    const id = worker.threadId
    post({ type: 'child', id, parent: threads.threadId })
    worker.once('exit', () => post({ type: 'ended', id }))
  })
  return (memory) => post({ type: 'here', id: threads.threadId, memory })
}

/** Keeps nobody alive. */
function openChannel({ BroadcastChannel: Channel }: Threads): BroadcastChannel {
  const channel = new Channel(CHANNEL)
  channel.unref()
  return channel
}
