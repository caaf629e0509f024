/**
 * One answer over HTTP/1, put together from whatever pieces it comes in.
 *
 * - Pure: bytes in, a state out. The body lies in one buffer of the pool; its bytes are bounded by `limit`.
 * - Strict: what is not plainly right is `unknown`, and nothing of it counts. Interim answers (1xx) are passed over.
 * - Of an answer other than 200, or packed in a way nobody asked for, the head is all that is read.
 */
import { type AnswerHead, MAX_HEAD_BYTES, tryParseHead } from './answer-head.ts'
import type { BodyPool } from './body-pool.ts'

/** `over`: the body has `limit` bytes, or will have. `done` may leave bytes behind: see `leftover`. */
export type ReadState = 'more' | 'done' | 'over' | 'unknown'

const CR = 13
const LF = 10
const BEGINNING = 'HTTP/1.'
const END_OF_HEAD = Buffer.from('\r\n\r\n')
/** The parts of a chunked body. */
const SIZE = 0
const SIZE_LF = 1
const DATA = 2
const DATA_CR = 3
const DATA_LF = 4
const LAST_CR = 5
const LAST_LF = 6
/** Digits of a chunk's size: 4 GiB less one is more than any limit. */
const MAX_SIZE_DIGITS = 8
/** A length is a promise: no more than this is reserved before bytes have come. */
const FIRST_RESERVED = 2 ** 20

export class AnswerReader {
  readonly #pool: BodyPool
  #limit = 0
  #head: AnswerHead | undefined
  /** The beginning of a head that is not whole yet. */
  #headBytes: Buffer | undefined
  #body: Buffer | undefined
  #size = 0
  /** Bytes that the body, or its current chunk, has still to get. */
  #missing = 0
  #part = SIZE
  #digits = 0
  #leftover = false
  #state: ReadState = 'more'
  /** A byte has come. */
  begun = false

  constructor(pool: BodyPool) {
    this.#pool = pool
  }

  /** For the next answer. `limit`: the first number of bytes that is too many, as they come. */
  begin(limit: number): void {
    this.#drop()
    this.#limit = limit
    this.#head = undefined
    this.#headBytes = undefined
    this.#size = 0
    this.#missing = 0
    this.#part = SIZE
    this.#digits = 0
    this.#leftover = false
    this.#state = 'more'
    this.begun = false
  }

  /** There once the head is whole. */
  get head(): AnswerHead | undefined {
    return this.#head
  }

  /** Bytes of the body so far. */
  get size(): number {
    return this.#size
  }

  /** There were bytes behind what was read of the answer, or there may be: the connection is no more to be used. */
  get leftover(): boolean {
    return this.#leftover
  }

  /** The next `length` bytes of the connection; they may be overwritten afterwards. */
  push(bytes: Buffer, length: number): ReadState {
    if (this.#state !== 'more') {
      if (length > 0) this.#leftover = true
      return this.#state
    }
    if (length > 0) this.begun = true
    let from = 0
    while (this.#head === undefined) {
      const place = this.#takeHead(bytes, from, length)
      if (place < 0) return this.#state
      from = place
    }
    this.#state = this.#takeBody(bytes, from, length)
    return this.#state
  }

  /** The connection has ended: `done` for a body that ends with it, else `more`: something is missing. */
  end(): ReadState {
    if (this.#state === 'more' && this.#head?.length === 'close') this.#state = 'done'
    return this.#state
  }

  /** The whole body, once. Its buffer is the caller's to give back with `release`. */
  takeBody(): { readonly body: Buffer; readonly release: () => void } {
    const whole = this.#body
    const pool = this.#pool
    this.#body = undefined
    if (whole === undefined) return { body: Buffer.alloc(0), release: () => {} }
    let isOurs = true
    return {
      body: whole.subarray(0, this.#size),
      release: () => {
        if (isOurs) pool.give(whole)
        isOurs = false
      },
    }
  }

  #drop(): void {
    if (this.#body !== undefined) this.#pool.give(this.#body)
    this.#body = undefined
  }

  /** Where the body begins; -1 when the head is not whole, or the answer is settled. */
  #takeHead(bytes: Buffer, from: number, length: number): number {
    const before = this.#headBytes
    let all = bytes.subarray(from, length)
    if (before !== undefined) all = Buffer.concat([before, all])
    const end = all.indexOf(END_OF_HEAD)
    if (end < 0 || end > MAX_HEAD_BYTES) {
      // Whatever begins otherwise is no HTTP: the library says so at once, and so does this.
      if (all.length > MAX_HEAD_BYTES || !startsLikeHttp(all)) this.#state = 'unknown'
      else this.#headBytes = before === undefined ? Buffer.from(all) : all
      return -1
    }
    this.#headBytes = undefined
    const head = tryParseHead(all.toString('latin1', 0, end))
    if (head === undefined) {
      this.#state = 'unknown'
      return -1
    }
    const place = from + end + END_OF_HEAD.length - (before?.length ?? 0)
    if (head.status < 200) return place
    this.#head = head
    if (!isWanted(head)) {
      this.#state = 'done'
      this.#leftover = true
      return -1
    }
    if (typeof head.length === 'number') {
      if (head.length >= this.#limit) {
        this.#state = 'over'
        return -1
      }
      this.#missing = head.length
      if (head.length > 0) this.#body = this.#pool.take(Math.min(head.length, FIRST_RESERVED))
    }
    return place
  }

  #takeBody(bytes: Buffer, from: number, length: number): ReadState {
    const kind = this.#head!.length
    if (kind === 'chunked') return this.#takeChunks(bytes, from, length)
    const count = kind === 'close' ? length - from : Math.min(length - from, this.#missing)
    if (!this.#keep(bytes, from, count)) return 'over'
    if (kind === 'close') return 'more'
    this.#missing -= count
    if (this.#missing > 0) return 'more'
    this.#leftover = from + count < length
    return 'done'
  }

  #takeChunks(bytes: Buffer, from: number, length: number): ReadState {
    for (let i = from; i < length; ) {
      if (this.#part === DATA) {
        const count = Math.min(length - i, this.#missing)
        if (!this.#keep(bytes, i, count)) return 'over'
        i += count
        this.#missing -= count
        if (this.#missing > 0) return 'more'
        this.#part = DATA_CR
        continue
      }
      const c = bytes[i++]!
      if (this.#part === SIZE) {
        const digit = hexDigit(c)
        if (digit >= 0) {
          if (++this.#digits > MAX_SIZE_DIGITS) return 'unknown'
          this.#missing = this.#missing * 16 + digit
        } else if (c === CR && this.#digits > 0) this.#part = SIZE_LF
        else return 'unknown'
        continue
      }
      if (c !== (this.#part === DATA_CR || this.#part === LAST_CR ? CR : LF)) return 'unknown'
      if (this.#part === SIZE_LF) this.#part = this.#missing === 0 ? LAST_CR : DATA
      else if (this.#part === DATA_CR) this.#part = DATA_LF
      else if (this.#part === LAST_CR) this.#part = LAST_LF
      else if (this.#part === DATA_LF) {
        this.#part = SIZE
        this.#digits = 0
      } else {
        this.#leftover = i < length
        return 'done'
      }
    }
    return 'more'
  }

  /** False when it is too much. */
  #keep(bytes: Buffer, from: number, count: number): boolean {
    const size = this.#size + count
    if (size >= this.#limit) return false
    if (count === 0) return true
    let body = this.#body
    if (body === undefined || body.length < size) {
      const larger = this.#pool.take(size)
      if (body !== undefined) {
        body.copy(larger, 0, 0, this.#size)
        this.#pool.give(body)
      }
      body = larger
      this.#body = larger
    }
    bytes.copy(body, this.#size, from, from + count)
    this.#size = size
    return true
  }
}

function isWanted({ status, contentEncoding }: AnswerHead): boolean {
  return status === 200 && (contentEncoding === '' || contentEncoding === 'gzip' || contentEncoding === 'identity')
}

function startsLikeHttp(bytes: Buffer): boolean {
  return BEGINNING.startsWith(bytes.toString('latin1', 0, BEGINNING.length))
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48
  const small = c | 32
  return small >= 97 && small <= 102 ? small - 87 : -1
}
