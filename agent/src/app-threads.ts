/**
 * Worker threads of the application: what each counts in a store of its own is told on the one page of the process, summed up.
 *
 * - A preload runs in each thread, too. There it opens nothing: it announces its memory on a channel that all threads of the process share.
 * - What only its own loop can bring up to date it does when it is asked, by whoever serves the pages (exposition/app-threads-lines.ts).
 * - The main thread keeps the list, and listens only once there is a thread. A thread that ends is added to one retired store, so that its
 *   counters stay in the sum and memory stays bounded; its gauges go.
 * - `epoch` changes with the list, in the same turn in which an ended thread moves to the retired store: whoever reads with another one than it
 *   was told would count that thread twice, and waits for the new list, which is on its way.
 */
import type { BroadcastChannel, Worker } from 'node:worker_threads'
import { noteHeard } from './exposition/heard.ts'
import { ownTask, type TaskId } from './exposition/starvation.ts'
import { addStore, type SharedStore, Store, StoreReader } from './store/index.ts'
import { channelOf, commonChannel, type ThreadAnswer, type ThreadQuestion, type Threads } from './thread-channels.ts'
import type { SharedUsers } from './users/index.ts'

/** Sketches of users of threads that have ended: enough for those of a day, unless threads come and go all the time. */
const MAX_ENDED_USERS = 64

/** What a thread counts in. */
export type ThreadMemory = { readonly store: SharedStore; readonly users: SharedUsers | undefined }

/** A store beside the main thread's; `id` is of the thread that writes it, none of what those that have ended left. */
export type ThreadStore = {
  readonly id: number | undefined
  /** The system's number of that thread, where it tells. */
  readonly task: TaskId | undefined
  readonly store: SharedStore
}

type Message =
  | { readonly type: 'here'; readonly id: number; readonly task: TaskId | undefined; readonly memory: ThreadMemory }
  | { readonly type: 'child'; readonly id: number; readonly parent: number }
  | { readonly type: 'ended'; readonly id: number }

export type ThreadsOptions = {
  /** Gives `node:worker_threads`, once there is a reason to load it. */
  readonly load: () => Threads
  readonly fault: (cause: unknown) => void
  /** Other memory is to be read from now on. */
  readonly onChange: () => void
}

/** The main thread's list of the others. */
export class AppThreads implements Disposable {
  /** Of the list as it is; see above. */
  readonly epoch = new Int32Array(new SharedArrayBuffer(4))
  readonly #options: ThreadsOptions
  readonly #living = new Map<number, { readonly task: TaskId | undefined; readonly memory: ThreadMemory }>()
  readonly #parents = new Map<number, number>()
  #retired: Store | undefined
  readonly #endedUsers: SharedUsers[] = []
  #channel: BroadcastChannel | undefined

  constructor(options: ThreadsOptions) {
    this.#options = options
  }

  /** What there is beside the main thread's own store. */
  get stores(): readonly ThreadStore[] {
    const retired = this.#retired === undefined ? [] : [{ id: undefined, task: undefined, store: this.#retired.shared }]
    return [...retired, ...Array.from(this.#living, ([id, { task, memory }]) => ({ id, task, store: memory.store }))]
  }

  get users(): readonly SharedUsers[] {
    return [...this.#endedUsers, ...Array.from(this.#living.values(), ({ memory }) => memory.users)].filter(
      (one) => one !== undefined,
    )
  }

  [Symbol.dispose](): void {
    this.#channel?.close()
  }

  /** A thread that the application has just made. */
  meet(worker: Worker): void {
    const { threadId } = worker
    this.#listen()
    worker.once('exit', () => this.#ended(threadId))
  }

  #listen(): void {
    if (this.#channel !== undefined) return
    const channel = commonChannel(this.#options.load())
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
        this.#living.set(message.id, message)
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
    const memory = this.#living.get(id)?.memory
    if (memory === undefined) return
    this.#living.delete(id)
    Atomics.add(this.epoch, 0, 1)
    const reader = new StoreReader(memory.store)
    reader.read()
    this.#retired ??= new Store()
    addStore(reader, this.#retired, 'ended')
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
 * main thread learns of the threads that are started here, too. `collect` brings all figures of this thread up to date, and never rejects.
 * Ends with the thread.
 */
export function threadAnnouncer(threads: Threads, collect: () => Promise<void>): (memory: ThreadMemory) => void {
  const channel = commonChannel(threads)
  const post = (message: Message): void => channel.postMessage(message)
  process.on('worker', (worker: Worker) => {
    const id = worker.threadId
    post({ type: 'child', id, parent: threads.threadId })
    worker.once('exit', () => post({ type: 'ended', id }))
  })
  const asked = channelOf(threads, threads.threadId)
  asked.onmessage = (({ data }: { readonly data: ThreadQuestion | ThreadAnswer }) => {
    if ('collected' in data) return
    const { asker, id, heard } = data
    noteHeard(heard, id)
    void collect().then(() => asked.postMessage({ asker, collected: id } satisfies ThreadAnswer))
  }) as typeof asked.onmessage
  const task = ownTask()
  return (memory) => post({ type: 'here', id: threads.threadId, task, memory })
}
