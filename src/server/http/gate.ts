/**
 * How many requests of one kind are worked on at once. Those beyond wait in line; those beyond the line are refused at once, so that a flood
 * costs its senders an answer and not us our memory.
 */
import { ApiError } from './api-error.ts'

export class Gate {
  readonly #places: number
  readonly #line: number
  readonly #waiting: (() => void)[] = []
  #running = 0
  #refused = 0

  /** `places` run at once, `line` more wait. */
  constructor(places: number, line: number) {
    this.#places = places
    this.#line = line
  }

  get running(): number {
    return this.#running
  }
  get waiting(): number {
    return this.#waiting.length
  }
  get refused(): number {
    return this.#refused
  }

  /** A place, to be given back by disposal. Throws `unavailable` when the line is full, the signal's reason when it aborts. */
  async enter(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted()
    const place = this.tryEnter()
    if (place !== undefined) return place
    await this.#wait(signal)
    return this.#place()
  }

  /** A place, if there is one now: for those who would have to make a signal just to wait. */
  tryEnter(): Disposable | undefined {
    if (this.#running >= this.#places) return undefined
    this.#running++
    return this.#place()
  }

  #place(): Disposable {
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        // The place goes straight to the first in line, so that nobody overtakes.
        const next = this.#waiting.shift()
        if (next === undefined) this.#running--
        else next()
      },
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#line) {
      this.#refused++
      throw new ApiError(
        'unavailable',
        `${this.#running} requests are worked on and ${this.#line} wait already; try again later`,
      )
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(go)
    })
  }
}
