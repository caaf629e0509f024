/**
 * The thread's line to the main thread: asks it to bring its figures up to date, and does not wait long when it is blocked.
 *
 * - How long is learned: four times what it usually takes to be heard, at least LEAST_MS, at most MOST_MS. A busy service whose loop takes
 *   30 ms a turn keeps its figures; one whose loop stands still costs a scrape LEAST_MS.
 * - One question is under way at any time: what a blocked thread finds when it comes back is one message, not one for each scrape.
 * - Time enters as an argument or through `now`; the timer exists only while a scrape waits.
 */
export const LEAST_MS = 10
export const MOST_MS = 100
/** The share of the newest delay in what is usual. */
const WEIGHT = 0.25

/** `collected`: all figures are fresh; `busy`: it has heard, but something it collects takes longer; `blocked`: it has not heard. */
export type Answered = 'collected' | 'busy' | 'blocked'

type Question = {
  readonly id: number
  readonly askedAt: number
  heard: boolean
  readonly onHeard: Set<() => void>
  readonly onCollected: Set<() => void>
}

export class MainThreadLine {
  readonly #post: (id: number) => void
  readonly #now: () => number
  #asked = 0
  #open: Question | undefined
  #usualMs = 0
  #blockedSince: number | undefined

  /** `post` sends a question; `now` is a clock in milliseconds that never goes back. */
  constructor(post: (id: number) => void, now: () => number) {
    this.#post = post
    this.#now = now
  }

  /** Asks, and waits for at most `waitMs` once it has been heard. Never rejects. */
  async ask(waitMs: number): Promise<Answered> {
    if (this.#open === undefined) {
      this.#open = { id: ++this.#asked, askedAt: this.#now(), heard: false, onHeard: new Set(), onCollected: new Set() }
      this.#post(this.#open.id)
    }
    const question = this.#open
    if (!question.heard && !(await within(this.#patienceMs, question.onHeard))) {
      this.#blockedSince = question.askedAt
      return 'blocked'
    }
    return this.#open !== question || (await within(waitMs, question.onCollected)) ? 'collected' : 'busy'
  }

  /** The main thread has taken the question up: its loop turns. */
  heard(id: number): void {
    const question = this.#open
    if (question === undefined || question.id !== id || question.heard) return
    question.heard = true
    this.#blockedSince = undefined
    const tookMs = this.#now() - question.askedAt
    // Longer than that is no busy loop, but one that stood still: it says nothing of what is usual.
    if (tookMs <= MOST_MS) this.#usualMs += (tookMs - this.#usualMs) * WEIGHT
    for (const done of question.onHeard) done()
  }

  collected(id: number): void {
    const question = this.#open
    if (question === undefined || question.id !== id) return
    this.heard(id)
    this.#open = undefined
    for (const done of question.onCollected) done()
  }

  /** For how long the main thread has not answered; 0 when it has answered the last question. */
  get blockedSeconds(): number {
    return this.#blockedSince === undefined ? 0 : (this.#now() - this.#blockedSince) / 1_000
  }

  get #patienceMs(): number {
    return Math.min(MOST_MS, Math.max(LEAST_MS, this.#usualMs * 4))
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
