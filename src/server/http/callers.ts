/**
 * The requests that are being answered, and what ends each: its caller goes, its time is up, the server stops.
 *
 * - Nothing is armed for a request that is answered at once: a signal is made when somebody asks for it, and one timer serves all
 *   deadlines, as nearly every request is done long before its own.
 * - When the answer is out, the signal stays as it is: there is nobody left to tell.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '#core'
import { CallerGoneError, DeadlineError } from './api-error.ts'

/** One for all: to note where it was made costs more than the rest of a small request's signal, and says nothing. */
const GONE = new CallerGoneError('the caller has gone')
/** Timers go no further than 24 days; a day is looked at again. */
const LONGEST_MS = 86_400_000

/** What a handler sees of whoever waits for its answer. */
export type Waiting = {
  /** Aborts with the reason for which nobody waits any more. */
  readonly signal: AbortSignal
  /** The same, for those who look now and then. */
  throwIfAborted(): void
}

export class Callers implements Disposable {
  readonly #clock: Clock
  readonly #open = new Set<Caller>()
  readonly #limited = new Set<Caller>()
  #timer = new AbortController()
  #armedFor = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `response`: of the request. */
  of(response: ServerResponse): Caller {
    return new Caller(response, this)
  }

  /** @internal From now on it hears of the server's end. */
  add(caller: Caller): void {
    if (this.#stopped) caller.abort(new CallerGoneError('the server stops'))
    else this.#open.add(caller)
  }

  /** @internal */
  remove(caller: Caller): void {
    this.#open.delete(caller)
  }

  /** @internal Its time begins; returns the instant at which it is up. */
  limit(caller: Caller, timeoutMs: number): number {
    const at = this.#clock.monotonicMs() + timeoutMs
    this.#limited.add(caller)
    if (at < this.#armedFor) this.#arm(at)
    return at
  }

  /** @internal */
  unlimit(caller: Caller): void {
    this.#limited.delete(caller)
  }

  [Symbol.dispose](): void {
    this.#stopped = true
    this.#timer.abort()
    for (const caller of [...this.#open]) caller.abort(new CallerGoneError('the server stops'))
    this.#open.clear()
    this.#limited.clear()
  }

  #arm(at: number): void {
    this.#timer.abort()
    const timer = new AbortController()
    this.#timer = timer
    this.#armedFor = at
    const waitMs = Math.min(at - this.#clock.monotonicMs(), LONGEST_MS)
    void this.#clock.sleep(waitMs, timer.signal).then(() => {
      if (!timer.signal.aborted) this.#look()
    })
  }

  #look(): void {
    const now = this.#clock.monotonicMs()
    let next = Number.POSITIVE_INFINITY
    this.#armedFor = next
    for (const caller of this.#limited) {
      if (caller.endsAt > now) next = Math.min(next, caller.endsAt)
      else caller.runOut()
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next)
  }
}

export class Caller implements Waiting {
  readonly #response: ServerResponse
  readonly #callers: Callers
  #controller: AbortController | undefined
  #reason: Error | undefined
  #timeoutMs = 0
  endsAt = Number.POSITIVE_INFINITY

  constructor(response: ServerResponse, callers: Callers) {
    this.#response = response
    this.#callers = callers
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#response.destroyed) this.#reason ??= GONE
      if (this.#reason !== undefined) {
        this.#controller.abort(this.#reason)
      } else {
        this.#callers.add(this)
        this.#response.once('close', () => {
          this.#callers.remove(this)
          if (!this.#response.writableFinished) this.abort(GONE)
        })
      }
    }
    return this.#controller.signal
  }

  throwIfAborted(): void {
    if (this.#reason !== undefined) throw this.#reason
    if (this.#response.destroyed) throw GONE
  }

  /** From now until its disposal the time is limited. One limit at a time. */
  limited(timeoutMs: number): Disposable {
    this.#timeoutMs = timeoutMs
    this.endsAt = this.#callers.limit(this, timeoutMs)
    return { [Symbol.dispose]: () => this.#callers.unlimit(this) }
  }

  /** @internal */
  runOut(): void {
    this.#callers.unlimit(this)
    this.abort(new DeadlineError(`no answer within ${this.#timeoutMs} ms`))
  }

  /** @internal The first reason stays. */
  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(this.#reason)
  }
}
