/**
 * Nothing of the agent may reach the application: a diagnostics subscriber that throws would end the process.
 *
 * - Every handler runs in `try`; a fault is counted by part and printed once.
 * - A part that keeps failing is switched off after MAX_FAULTS: broken measuring must not also cost time.
 * - A hook that meets what it does not know steps aside: the application's things stay as they are, and a metric says which hook and why.
 * - One call in SAMPLE_EVERY is timed, so that what the agent costs is itself a metric.
 * - It is there before anything else of the agent: what is told of it (guard-ledger.ts) and the store are loaded when there is something to tell.
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { GuardLedger } from './guard-ledger.ts'
import type { Store } from './store/index.ts'

const load = createRequire(import.meta.url)

export const MAX_FAULTS = 100
/** Reasons are texts of our own, but may carry a version: more of them than this are told as one. */
export const MAX_STEPS_ASIDE = 100
export const SAMPLE_EVERY = 1_024

/** One line on stderr; what the agent has to say is for the operator, never for the application. */
export type Say = (code: `ASSAY_AGENT_${string}`, message: string) => void

export const sayOnStderr: Say = (code, message) => {
  process.stderr.write(`assay agent: ${code}: ${message}\n`)
}

type Listener = (message: unknown, name: string | symbol) => void
type Subscription = { readonly channel: string; readonly listener: Listener }

export class Guard {
  readonly #store: Store | (() => Store)
  readonly #say: Say
  readonly #meters = new Map<string, PartMeter>()
  readonly #undo: (() => void)[] = []
  readonly #steppedAside = new Set<string>()
  #ledger: GuardLedger | undefined
  /** What is subscribed to while a part is loaded by its first message. */
  #fresh: Subscription[] | undefined

  /** `store`, or what gives it once there is something to tell. */
  constructor(store: Store | (() => Store), say: Say) {
    this.#store = store
    this.#say = say
  }

  /** `handler`, made safe. It answers `undefined` when it failed or is switched off. */
  wrap<A extends readonly unknown[], R>(part: string, handler: (...given: A) => R): (...given: A) => R | undefined {
    const meter = this.#meter(part)
    let calls = 0
    return (...given) => {
      if (meter.count >= MAX_FAULTS) return undefined
      const timed = (calls = (calls + 1) & (SAMPLE_EVERY - 1)) === 0
      const from = timed ? performance.now() : 0
      try {
        return handler(...given)
      } catch (cause) {
        meter.fault(cause, this.#say)
        return undefined
      } finally {
        if (timed) meter.spent(performance.now() - from)
      }
    }
  }

  /**
   * Subscribes to a diagnostics channel. `M` is what Node (or the library) documents as its message.
   * This is the hot path of every request: `wrap` with one argument, without its array of arguments.
   */
  on<M>(channel: string, part: string, handler: (message: M) => void): void {
    const meter = this.#meter(part)
    const say = this.#say
    let calls = 0
    const listener = (message: unknown): void => {
      if (meter.count >= MAX_FAULTS) return
      const timed = (calls = (calls + 1) & (SAMPLE_EVERY - 1)) === 0
      const from = timed ? performance.now() : 0
      try {
        handler(message as M)
      } catch (cause) {
        meter.fault(cause, say)
      }
      if (timed) meter.spent(performance.now() - from)
    }
    this.listen(channel, listener)
  }

  /** Subscribes a listener that guards itself with a `hotMeter`: for the few channels that speak at every request. */
  listen(channel: string, listener: Listener): void {
    this.#fresh?.push({ channel, listener })
    subscribe(channel, listener)
    this.#undo.push(() => unsubscribe(channel, listener))
  }

  /**
   * Loads a part with the first message on any of `channels` for which `isMeant` holds. What the part subscribes to while it is loaded is
   * given that message too, so that nothing is missed. Returns what ends the waiting.
   */
  whenFirst<M>(
    channels: readonly string[],
    part: string,
    load: (message: M) => void,
    isMeant: (message: M) => boolean = () => true,
  ): () => void {
    const stop = (): void => {
      for (const one of channels) unsubscribe(one, listener)
    }
    const meter = this.#meter(part)
    const listener: Listener = (message, name) => {
      try {
        if (meter.count >= MAX_FAULTS || !isMeant(message as M)) return
        stop()
        const outer = this.#fresh
        const fresh: Subscription[] = (this.#fresh = [])
        try {
          load(message as M)
        } finally {
          this.#fresh = outer
        }
        if (tellsLateSubscribers()) return
        for (const one of fresh) if (one.channel === name) one.listener(message, name)
      } catch (cause) {
        meter.fault(cause, this.#say)
      }
    }
    for (const one of channels) this.listen(one, listener)
    return stop
  }

  /** What `on` does around a handler, for one that is written out where it is used, so that V8 can inline it. One for each listener. */
  hotMeter(part: string): HotMeter {
    return new HotMeter(this.#meter(part), this.#say)
  }

  /** Called when it ends, for what cannot be unsubscribed from. */
  atEnd(end: () => void): void {
    this.#undo.push(end)
  }

  /** Ends all subscriptions. */
  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0)) undo()
  }

  /** Notes a fault that was caught elsewhere. */
  fault(part: string, cause: unknown): void {
    this.#meter(part).fault(cause, this.#say)
  }

  /** Adds to what a part costs; for work that is timed as a whole. */
  spent(part: string, milliseconds: number): void {
    this.#meter(part).add(milliseconds / 1_000)
  }

  /**
   * A hook leaves alone what it does not know: a version, a frozen prototype, a second agent. Said once for each part and reason.
   * `reason` is a few words without anything of a request in it, e.g. `pg 12: Client.prototype.query is missing`.
   */
  stepAside(part: string, reason: string): void {
    const what = `${part}\n${reason}`
    if (this.#steppedAside.has(what)) return
    if (this.#steppedAside.size < MAX_STEPS_ASIDE) this.#steppedAside.add(what)
    this.#books().steppedAside(part, reason)
    if (this.#steppedAside.has(what)) this.#say('ASSAY_AGENT_ASIDE', `${part} is not measured: ${reason}`)
  }

  #meter(part: string): PartMeter {
    const known = this.#meters.get(part)
    if (known !== undefined) return known
    const meter = new PartMeter(part, () => this.#books())
    this.#meters.set(part, meter)
    return meter
  }

  #books(): GuardLedger {
    if (this.#ledger === undefined) {
      const ledgers = load('./guard-ledger.ts') as typeof import('./guard-ledger.ts')
      const store = typeof this.#store === 'function' ? this.#store() : this.#store
      this.#ledger = new ledgers.GuardLedger(store)
    }
    return this.#ledger
  }
}

/** Around a call: `const timed = begin()`, the handler in `try`, `failed(cause)` in `catch`, `if (timed) end()`. */
export class HotMeter {
  readonly #meter: PartMeter
  readonly #say: Say
  #calls = 0
  #from = Number.NaN

  constructor(meter: PartMeter, say: Say) {
    this.#meter = meter
    this.#say = say
  }

  /** The part has failed too often: leave it. */
  get off(): boolean {
    return this.#meter.count >= MAX_FAULTS
  }

  /** Whether this call is the one in SAMPLE_EVERY that is timed. */
  begin(): boolean {
    this.#calls = (this.#calls + 1) & (SAMPLE_EVERY - 1)
    if (this.#calls !== 0) return false
    this.#from = performance.now()
    return true
  }

  end(): void {
    this.#meter.spent(performance.now() - this.#from)
  }

  failed(cause: unknown): void {
    this.#meter.fault(cause, this.#say)
  }
}

/** What one part of the agent costs, and how often it failed. */
class PartMeter {
  count = 0
  readonly #part: string
  readonly #ledger: () => GuardLedger

  constructor(part: string, ledger: () => GuardLedger) {
    this.#part = part
    this.#ledger = ledger
  }

  fault(cause: unknown, say: Say): void {
    this.#ledger().fault(this.#part)
    if (++this.count === 1) say('ASSAY_AGENT_FAULT', `${this.#part}: ${textOf(cause)}; the application is not affected`)
  }

  /** One sampled call took so many milliseconds: it stands for SAMPLE_EVERY of them. */
  spent(milliseconds: number): void {
    this.add((milliseconds * SAMPLE_EVERY) / 1_000)
  }

  add(seconds: number): void {
    this.#ledger().spent(this.#part, seconds)
  }
}

let tellsLate: boolean | undefined

/** Whether this Node gives a message also to who subscribes while it is published: the older ones do, later ones go by the list as it was. */
function tellsLateSubscribers(): boolean {
  if (tellsLate === undefined) {
    const name = Symbol('assay.probe')
    let told = false
    const late: Listener = () => {
      told = true
    }
    const early: Listener = () => subscribe(name, late)
    subscribe(name, early)
    channel(name).publish(undefined)
    unsubscribe(name, early)
    unsubscribe(name, late)
    tellsLate = told
  }
  return tellsLate
}

/** What was thrown may be anything, also something that cannot be made a text of. */
function textOf(cause: unknown): string {
  try {
    return String(cause)
  } catch {
    return 'something without a text'
  }
}
