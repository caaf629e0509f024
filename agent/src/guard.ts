/**
 * Nothing of the agent may reach the application: a diagnostics subscriber that throws would end the process.
 *
 * - Every handler runs in `try`; a fault is counted by part and printed once.
 * - A part that keeps failing is switched off after MAX_FAULTS: broken measuring must not also cost time.
 * - A hook that meets what it does not know steps aside: the application's things stay as they are, and a metric says which hook and why.
 * - One call in SAMPLE_EVERY is timed, so that what the agent costs is itself a metric.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { add, type Family, type Slot, type Store, set } from './store/index.ts'

export const MAX_FAULTS = 100
/** Reasons are texts of our own, but may carry a version: more of them than this are told as one. */
const MAX_STEPS_ASIDE = 100
export const SAMPLE_EVERY = 1_024

/** One line on stderr; what the agent has to say is for the operator, never for the application. */
export type Say = (code: `ASSAY_AGENT_${string}`, message: string) => void

export const sayOnStderr: Say = (code, message) => {
  process.stderr.write(`assay agent: ${code}: ${message}\n`)
}

export class Guard {
  readonly #store: Store
  readonly #say: Say
  readonly #meters = new Map<string, PartMeter>()
  readonly #undo: (() => void)[] = []
  readonly #steppedAside = new Set<string>()
  #aside: Family | undefined

  constructor(store: Store, say: Say) {
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
    subscribe(channel, listener)
    this.#undo.push(() => unsubscribe(channel, listener))
  }

  /** Subscribes a listener that guards itself with a `hotMeter`: for the few channels that speak at every request. */
  listen(channel: string, listener: (message: unknown) => void): void {
    subscribe(channel, listener)
    this.#undo.push(() => unsubscribe(channel, listener))
  }

  /** What `on` does around a handler, for one that is written out where it is used, so that V8 can inline it. One for each listener. */
  hotMeter(part: string): HotMeter {
    return new HotMeter(this.#meter(part), this.#say)
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
    this.#aside ??= this.#store.family({
      name: 'assay_agent_hooks_stepped_aside',
      help: 'Hooks that met what they do not know and left it alone; 1 for each part and reason.',
      kind: 'gauge',
      maxSeries: MAX_STEPS_ASIDE,
    })
    const pairs = [
      ['part', part],
      ['reason', reason],
    ] as const
    set(this.#aside.series(pairs), 1)
    if (this.#steppedAside.has(what)) this.#say('ASSAY_AGENT_ASIDE', `${part} is not measured: ${reason}`)
  }

  #meter(part: string): PartMeter {
    const known = this.#meters.get(part)
    if (known !== undefined) return known
    const meter = new PartMeter(this.#store, part)
    this.#meters.set(part, meter)
    return meter
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

/** What one part of the agent costs, and how often it failed. Its series are made when there is something to tell. */
class PartMeter {
  count = 0
  readonly #store: Store
  readonly #part: string
  #faults: Slot | undefined
  #seconds: Slot | undefined

  constructor(store: Store, part: string) {
    this.#store = store
    this.#part = part
  }

  fault(cause: unknown, say: Say): void {
    const help = 'Faults inside the agent; none reached the application.'
    add((this.#faults ??= this.#series('assay_agent_faults_total', help)), 1)
    if (++this.count === 1) say('ASSAY_AGENT_FAULT', `${this.#part}: ${textOf(cause)}; the application is not affected`)
  }

  /** One sampled call took so many milliseconds: it stands for SAMPLE_EVERY of them. */
  spent(milliseconds: number): void {
    this.add((milliseconds * SAMPLE_EVERY) / 1_000)
  }

  add(seconds: number): void {
    const help = `Time spent in the agent, estimated from one call in ${SAMPLE_EVERY}.`
    add((this.#seconds ??= this.#series('assay_agent_seconds_total', help)), seconds)
  }

  #series(name: string, help: string): Slot {
    return this.#store.family({ name, help, kind: 'counter' }).series([['part', this.#part]])
  }
}

/** What was thrown may be anything, also something that cannot be made a text of. */
function textOf(cause: unknown): string {
  try {
    return String(cause)
  } catch {
    return 'something without a text'
  }
}
