/**
 * Whether a password is that of a bcrypt hash.
 *
 * - Comparisons run one after the other in a thread of their own, started with the first of them; those beyond the line are refused.
 * - What was right is remembered, by a digest, so that a client pays once; what was wrong costs its sender the wait each time.
 */
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { ApiError } from './api-error.ts'
import type { Compared, Comparison } from './bcrypt-worker.ts'

const MAX_WAITING = 100
const MAX_REMEMBERED = 1000

type Waiting = { readonly resolve: (equal: boolean) => void; readonly reject: (reason: unknown) => void }

export class Passwords implements AsyncDisposable {
  readonly #remembered = new Set<string>()
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #id = 0

  get waiting(): number {
    return this.#waiting.size
  }

  /** Throws `unavailable` when too many wait. */
  async fits(password: string, hash: string): Promise<boolean> {
    const digest = createHash('sha256').update(`${hash}\0${password}`).digest('base64')
    if (this.#remembered.has(digest)) return true
    if (this.#waiting.size >= MAX_WAITING)
      throw new ApiError('unavailable', `${MAX_WAITING} passwords are being checked already; try again later`)
    const equal = await this.#compare(password, hash)
    if (equal) {
      this.#remembered.add(digest)
      if (this.#remembered.size > MAX_REMEMBERED) this.#remembered.delete(this.#remembered.values().next().value!)
    }
    return equal
  }

  #compare(password: string, hash: string): Promise<boolean> {
    const id = this.#id++
    const question: Comparison = { id, password, hash }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#started().postMessage(question)
    })
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker
    // Beside us, and of our kind: source from the tree, emitted JavaScript from a package.
    const kind = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./bcrypt-worker.${kind}`, import.meta.url), { name: 'bcrypt' })
    worker.unref()
    worker.on('message', ({ id, equal }: Compared) => {
      this.#waiting.get(id)?.resolve(equal)
      this.#waiting.delete(id)
    })
    worker.once('error', (cause) => this.#end(cause))
    this.#worker = worker
    return worker
  }

  /** The next comparison starts another thread. */
  #end(reason: unknown): void {
    this.#worker = undefined
    for (const one of this.#waiting.values()) one.reject(reason)
    this.#waiting.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker
    this.#end(new ApiError('canceled', 'the server stops'))
    await worker?.terminate()
  }
}
