/**
 * A route for a server without a router: the path, with what looks like an id replaced.
 *
 * - A segment stays when it looks like a word that someone has typed into a program (`orders`, `v1`, `price-list`); all else becomes `:id`.
 * - Never more than MAX_TEMPLATES templates; what comes later has no route. So a scanner's million URLs end in a bounded set.
 * - The path of a request is read once, into two hashes of its template; the template itself is written only when they are new. Two of
 *   32 bits each, so that one template is not taken for another. `templateOf` is the slow way, and tests it.
 */
import type { Route, Routes } from './routes.ts'

export const MAX_TEMPLATES = 100
const MAX_SEGMENTS = 8
const MAX_CHARACTERS = 1_024
const WORD = /^(?:v\d{1,2}|[A-Za-z][A-Za-z]{0,23}(?:[-_.][A-Za-z]{1,23}){0,3}|\.well-known)$/

/**
 * What ends a segment, in the upper byte of its last step, where a character never is these: so the steps of two templates differ.
 * REST stands for all segments beyond the last that is told.
 */
const [WORD_END, ID, OTHER, REST] = [1 << 24, 2 << 24, 3 << 24, 4 << 24]
/** Characters of an id that are passed over one by one; behind them its end is searched for, which takes 20 ns however long it is. */
const NEAR = 12
const HASH_FACTOR = 0x0101_9d85
const CHECK_FACTOR = 0x85eb_ca6b

type Known = { readonly check: number; readonly route: Route; readonly next: Known | undefined }

export class PathGuesser {
  readonly #known = new Map<number, Known>()
  #size = 0
  #hash = 0
  #check = 0

  /** The route for a request target, with or without its query; undefined when there are too many. */
  guess(target: string, routes: Routes): Route | undefined {
    this.#read(target)
    for (let known = this.#known.get(this.#hash); known !== undefined; known = known.next) {
      if (known.check === this.#check) return known.route
    }
    if (this.#size >= MAX_TEMPLATES) return undefined
    this.#size++
    const query = target.indexOf('?')
    const route = routes.of(templateOf(query < 0 ? target : target.slice(0, query)))
    this.#known.set(this.#hash, { check: this.#check, route, next: this.#known.get(this.#hash) })
    return route
  }

  /** The hashes of a target's template: equal exactly where `templateOf` is, as far as 64 bits can tell. */
  #read(target: string): void {
    let hash = 0x811c9dc5
    let check = 0x9e3779b9
    if (target.charCodeAt(0) !== 47) {
      this.#hash = target === '*' || target.startsWith('*?') ? 1 : 2
      this.#check = 0
      return
    }
    const end = Math.min(target.length, MAX_CHARACTERS)
    let at = 1
    for (let segments = 1, more = true; more; segments++) {
      const from = at
      // A word is runs of letters with single separators between them; so far: its parts, and the letters of the last one.
      let parts = 1
      let letters = 0
      let ofHash = hash
      let ofCheck = check
      let last = 0
      let code = 47
      // Four characters a step: one at a time `/api/items7/123` took 50 ns, so it takes 35.
      for (; at < end; at++) {
        code = target.charCodeAt(at)
        const lower = code | 32
        if (lower >= 97 && lower <= 122) {
          if (++letters > (parts === 1 ? 24 : 23)) break
        } else if ((code === 45 || code === 46 || code === 95) && letters > 0 && parts < 4) {
          parts++
          letters = 0
        } else break
        last = (last << 8) | code
        if (((at - from) & 3) === 3) {
          ofHash = Math.imul(ofHash ^ last, HASH_FACTOR)
          ofHash ^= ofHash >>> 15
          ofCheck = Math.imul(ofCheck ^ last, CHECK_FACTOR)
          ofCheck ^= ofCheck >>> 13
          last = 0
        }
      }
      const isWord = at === from || letters > 0
      if (segments > MAX_SEGMENTS) last = REST
      else if (isWord && (at === end || code === 47 || code === 63)) {
        hash = ofHash
        check = ofCheck
        last |= WORD_END
      } else {
        const soon = Math.min(end, at + NEAR)
        while (at < soon && code !== 47 && code !== 63) code = target.charCodeAt(++at)
        if (at === soon && at < end && code !== 47 && code !== 63) {
          at = endOfSegment(target, at, end)
          code = target.charCodeAt(at)
        }
        const other = otherAt(target, from, at)
        last = other === 0 ? ID : OTHER | other
      }
      hash = Math.imul(hash ^ last, HASH_FACTOR)
      hash ^= hash >>> 15
      check = Math.imul(check ^ last, CHECK_FACTOR)
      check ^= check >>> 13
      more = at < end && code === 47 && segments <= MAX_SEGMENTS
      at++
    }
    this.#hash = hash
    this.#check = check
  }
}

/** Where the segment ends that `from` lies in. */
function endOfSegment(target: string, from: number, end: number): number {
  const slash = target.indexOf('/', from)
  const query = target.indexOf('?', from)
  return Math.min(end, slash < 0 ? end : slash, query < 0 ? end : query)
}

/** Words that are not letters alone, as a number for each of them: `v1`, `v12`, `.well-known`. 0: it is none. */
function otherAt(target: string, from: number, to: number): number {
  const first = target.charCodeAt(from)
  if (first === 118 && to - from >= 2 && to - from <= 3) {
    const [ten, one] = [target.charCodeAt(from + 1), target.charCodeAt(from + 2)]
    if (!isDigit(ten)) return 0
    return to - from === 2 ? ten : isDigit(one) ? (ten << 8) | one : 0
  }
  return first === 46 && to - from === 11 && target.startsWith('.well-known', from) ? 1 : 0
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

export function templateOf(path: string): string {
  if (!path.startsWith('/')) return path === '*' ? '*' : '/:other'
  const segments = path.slice(1, MAX_CHARACTERS).split('/')
  const kept = segments
    .slice(0, MAX_SEGMENTS)
    .map((segment) => (segment === '' || WORD.test(segment) ? segment : ':id'))
  return `/${kept.join('/')}${segments.length > MAX_SEGMENTS ? '/*' : ''}`
}
