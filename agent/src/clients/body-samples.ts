/**
 * A few request bodies a minute, masked, for whoever has to see what a suspicious client sends.
 *
 * - Off unless `ASSAY_BODY_SAMPLE` says how many a minute; they leave the process only behind the token.
 * - Only what the framework has parsed already, JSON or a form; the stream is never touched, so nothing the application reads changes.
 * - Bounded: RING bodies of 4,096 characters, and no more work than the number a minute allows. Refused requests (4xx) go first: half
 *   of a minute's samples are kept for them.
 */
import type { Visit } from '../users/visit.ts'
import { parsedBody } from './login.ts'
import { maskedText, maskText } from './mask.ts'

const RING = 64
const MAX_BODY = 4_096
const MINUTE_MS = 60_000
const MOST_A_MINUTE = 600
/** A body that says it is longer is not serialised at all. */
const MAX_CONTENT = 1_048_576

export type BodySample = {
  /** Unix ms. */
  readonly at: number
  readonly address: string
  readonly method: string
  /** The template; '' when nothing matched. */
  readonly route: string
  readonly status: number
  readonly type: string
  /** JSON text, masked, cut. */
  readonly body: string
}

/** Throws a sentence that says what to write instead. */
export function parseSamplesPerMinute(text: string): number {
  const many = Number(text)
  if (/^\d{1,3}$/.test(text) && many <= MOST_A_MINUTE) return many
  throw new Error(`"${text.slice(0, 100)}" is not a number of bodies a minute; write 10 (at most ${MOST_A_MINUTE})`)
}

export class BodySamples {
  readonly #perMinute: number
  readonly #ring: BodySample[] = []
  #next = 0
  #minute = -1
  #taken = 0

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** Looks at a settled request; takes its body when it is this minute's turn. May throw what the application's getters throw. */
  settled(visit: Visit): void {
    const { request, status, nowMs } = visit
    const minute = Math.floor(nowMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#taken = 0
    }
    const refused = status >= 400 && status < 500
    if (this.#taken >= (refused ? this.#perMinute : Math.ceil(this.#perMinute / 2))) return
    const type = typeOf(request.headers['content-type'])
    if (type === undefined || Number(request.headers['content-length'] ?? 0) > MAX_CONTENT) return
    const body = parsedBody(request, visit.framework)
    if (typeof body !== 'object' || body === null) return
    this.#taken++
    const text = maskedText(body, MAX_BODY)
    if (text === '') return
    this.#ring[this.#next] = {
      at: nowMs,
      address: visit.address,
      method: request.method ?? '',
      route: maskText(visit.route),
      status,
      type,
      body: text,
    }
    this.#next = (this.#next + 1) % RING
  }

  /** Oldest first. */
  read(): readonly BodySample[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
  }
}

function typeOf(given: string | string[] | undefined): 'json' | 'form' | undefined {
  if (typeof given !== 'string') return undefined
  const type = given.slice(0, 200).toLowerCase()
  if (/^application\/(?:[\w.+-]+\+)?json\b/.test(type)) return 'json'
  return /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/.test(type) ? 'form' : undefined
}
