/**
 * A few request bodies a minute, masked, for whoever has to see what a suspicious client sends.
 *
 * - Off unless `ASSAY_BODY_SAMPLE` says how many a minute; they leave the process only behind the token.
 * - Only what the framework has parsed already, JSON or a form; the stream is never touched, so nothing the application reads changes.
 * - Bounded: RING bodies of 4,096 bytes in shared memory (289 KiB), and no more work than the number a minute allows. Refused requests
 *   (4xx) go first: half of a minute's samples are kept for them.
 * - One thread writes, any may read: a place's sequence is odd while it is written.
 */
import type { Visit } from '../users/visit.ts'
import { parsedBody } from './login.ts'
import { maskedText, maskText } from './mask.ts'

const RING = 64
const MAX_BODY = 4_096
const MAX_ABOUT = 1_024
/** Sequence, bytes of what is told about the request, bytes of the body, and one to spare. */
const HEAD_BYTES = 16
const PLACE_BYTES = HEAD_BYTES + MAX_ABOUT + MAX_BODY
export const BODIES_BYTES = RING * PLACE_BYTES
const MINUTE_MS = 60_000
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

export class BodySamples {
  readonly memory = new SharedArrayBuffer(BODIES_BYTES)
  readonly #perMinute: number
  readonly #encoder = new TextEncoder()
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
    const about: Omit<BodySample, 'body'> = {
      at: Math.floor(nowMs),
      address: visit.address.slice(0, 64),
      method: (request.method ?? '').slice(0, 16),
      route: maskText(visit.route).slice(0, 200),
      status,
      type,
    }
    this.#write(this.#encoder.encode(JSON.stringify(about)), this.#encoder.encode(text))
  }

  #write(about: Uint8Array, body: Uint8Array): void {
    if (about.length > MAX_ABOUT) return
    const at = this.#next * PLACE_BYTES
    this.#next = (this.#next + 1) % RING
    const head = new Int32Array(this.memory, at, HEAD_BYTES / 4)
    const bytes = new Uint8Array(this.memory, at + HEAD_BYTES, MAX_ABOUT + MAX_BODY)
    const length = Math.min(body.length, MAX_BODY)
    Atomics.add(head, 0, 1)
    head[1] = about.length
    head[2] = length
    bytes.set(about)
    bytes.set(body.subarray(0, length), MAX_ABOUT)
    Atomics.add(head, 0, 1)
  }
}

/** What is held, oldest first, from any thread. */
export function readBodies(memory: SharedArrayBuffer): readonly BodySample[] {
  const samples: BodySample[] = []
  for (let place = 0; place < RING; place++) {
    const at = place * PLACE_BYTES
    const head = new Int32Array(memory, at, HEAD_BYTES / 4)
    const before = Atomics.load(head, 0)
    if (before === 0 || (before & 1) === 1) continue
    const read = (from: number, length: number): string =>
      // What is cut in the middle of a character loses that character.
      new TextDecoder().decode(new Uint8Array(new Uint8Array(memory, from, length))).replace(/\ufffd+$/, '…')
    const about = read(at + HEAD_BYTES, head[1]!)
    const body = read(at + HEAD_BYTES + MAX_ABOUT, head[2]!)
    if (Atomics.add(head, 0, 0) === before) samples.push({ ...(JSON.parse(about) as Omit<BodySample, 'body'>), body })
  }
  return samples.sort((a, b) => a.at - b.at)
}

function typeOf(given: string | string[] | undefined): 'json' | 'form' | undefined {
  if (typeof given !== 'string') return undefined
  const type = given.slice(0, 200).toLowerCase()
  if (/^application\/(?:[\w.+-]+\+)?json\b/.test(type)) return 'json'
  return /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/.test(type) ? 'form' : undefined
}
