/**
 * The thread's line to the main thread: asks it to bring its figures up to date, and does not wait long when it is blocked.
 *
 * - A loop that turns hears at once, or when its turn ends: it notes that in shared memory (heard.ts), and is waited for from then on.
 * - A loop that does not hear is blocked, when it has had its time: twice as long as it has taken lately at least two times, at least LEAST_MS,
 *   at most MOST_MS. Time in which the machine denied it, or this thread, a processor does not count (starvation.ts); where that is not known,
 *   at least LEAST_BLIND_MS.
 *   So a service whose turns take 30 ms keeps its figures, and one that is taken for blocked twice is given more time from then on.
 * - A question that was not heard for the last scrape, and still is not, is not waited for again.
 * - One question is under way at any time: what a blocked thread finds when it comes back is one message, not one for each scrape.
 * - Time enters as an argument or through `now`; the timer exists only while a scrape waits.
 */
/**
 * Longer than most garbage collections; a scrape of a loop that stands still takes so long and a little more. Of 1,600 scrapes of loops that
 * turned, beside 2 and 4 busy processes on two processors, garbage collections included, none was taken for blocked with 6, and one with 8; since waits of V8's threads count only when they are over,
 * 2 of 1,000.
 */
export const LEAST_MS = 6
export const LEAST_BLIND_MS = 10
export const MOST_MS = 100
/** As exact as a timer is: what is left below that would be waited for twice as long. */
const TIMER_MS = 1
/** What is left of the longest waits with each answer: after some fifty quick ones it is forgotten. */
const LEFT = 0.95

/** `collected`: all figures are fresh; `busy`: it has heard, but something it collects takes longer; `blocked`: it has not heard. */
export type Answered = 'collected' | 'busy' | 'blocked'

export type LineOptions = {
  /** Sends a question. */
  readonly post: (id: number) => void
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number
  /** When the main thread has heard that question, by the same clock; undefined when it has not. */
  readonly heardAt: (id: number) => number | undefined
  /** Begins to count for how long the machine is why there is no answer; what is given tells it. Undefined where nobody knows. */
  readonly watchStarvation: () => (() => number) | undefined
}

type Question = {
  readonly id: number
  readonly askedAt: number
  readonly starvedMs: (() => number) | undefined
  readonly onCollected: Set<() => void>
}

export class MainThreadLine {
  readonly #options: LineOptions
  #asked = 0
  #open: Question | undefined
  /** The longest that it took to be heard, of late, and the longest but one: once may be a collection of garbage. */
  #longestMs = 0
  #secondMs = 0
  #isBlocked = false

  constructor(options: LineOptions) {
    this.#options = options
  }

  /** Asks, and waits for at most `waitMs` once it has been heard. Never rejects. */
  async ask(waitMs: number): Promise<Answered> {
    const question = this.#open ?? this.#question()
    if (!(await this.#isHeard(question))) {
      this.#isBlocked = true
      return 'blocked'
    }
    this.#isBlocked = false
    return this.#open !== question || (await within(waitMs, question.onCollected)) ? 'collected' : 'busy'
  }

  /** The main thread has brought its figures up to date. */
  collected(id: number): void {
    const question = this.#open
    if (question === undefined || question.id !== id) return
    const { now, heardAt } = this.#options
    const tookMs = this.#patientMs(question, heardAt(id) ?? now())
    const longest = this.#longestMs * LEFT
    // Longer than that is no busy loop, but one that stood still: it says nothing of what is usual.
    const took = tookMs <= MOST_MS ? tookMs : 0
    this.#longestMs = Math.max(longest, took)
    this.#secondMs = Math.max(this.#secondMs * LEFT, Math.min(longest, took))
    this.#isBlocked = false
    this.#open = undefined
    for (const done of question.onCollected) done()
  }

  /** For how long the main thread has not heard; 0 when it has heard the last question. */
  get blockedSeconds(): number {
    const question = this.#open
    if (question === undefined || !this.#isBlocked) return 0
    const { now, heardAt } = this.#options
    return heardAt(question.id) === undefined ? (now() - question.askedAt) / 1_000 : 0
  }

  #question(): Question {
    const { post, now, watchStarvation } = this.#options
    // First what takes time, and this thread may be put aside in: the main thread has not been asked by then.
    const starvedMs = watchStarvation()
    const question = { id: ++this.#asked, askedAt: now(), starvedMs, onCollected: new Set<() => void>() }
    this.#open = question
    post(question.id)
    return question
  }

  async #isHeard(question: Question): Promise<boolean> {
    for (;;) {
      if (this.#open !== question || this.#options.heardAt(question.id) !== undefined) return true
      const leftMs = this.#leftMs(question)
      if (leftMs < TIMER_MS) return false
      await within(leftMs, question.onCollected)
    }
  }

  /** How long it is still to be waited for. */
  #leftMs(question: Question): number {
    const now = this.#options.now()
    const least = question.starvedMs === undefined ? LEAST_BLIND_MS : LEAST_MS
    const patience = Math.min(MOST_MS, Math.max(least, this.#secondMs * 2))
    return Math.min(patience - this.#patientMs(question, now), MOST_MS - (now - question.askedAt))
  }

  /** The time from the question to then in which the main thread could have heard it. */
  #patientMs({ askedAt, starvedMs }: Question, then: number): number {
    return Math.max(0, then - askedAt - (starvedMs?.() ?? 0))
  }
}

/** Whether one of `waiting` was called within that time. */
function within(milliseconds: number, waiting: Set<() => void>): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (told: boolean): void => {
      clearTimeout(timer)
      waiting.delete(done)
      resolve(told)
    }
    const done = (): void => settle(true)
    const timer = setTimeout(() => settle(false), milliseconds)
    waiting.add(done)
  })
}
