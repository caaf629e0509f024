/**
 * A route for a server without a router: the path, with what looks like an id replaced.
 *
 * - A segment stays when it looks like a word that someone has typed into a program (`orders`, `v1`, `price-list`); all else becomes `:id`.
 * - Never more than MAX_TEMPLATES templates; what comes later has no route. So a scanner's million URLs end in a bounded set.
 * - The path of a request is read once, character by character, into two hashes of its template; the template itself is written only
 *   when they are new. Two of 32 bits each, so that one template is not taken for another. `templateOf` is the slow way, and tests it.
 */
import type { Route, Routes } from './routes.ts'

export const MAX_TEMPLATES = 100
const MAX_SEGMENTS = 8
const MAX_CHARACTERS = 1_024
const WORD = /^(?:v\d{1,2}|[A-Za-z][A-Za-z]{0,23}(?:[-_.][A-Za-z]{1,23}){0,3}|\.well-known)$/

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
    let segments = 0
    let at = 1
    let more = true
    while (more) {
      if (++segments > MAX_SEGMENTS) {
        hash = Math.imul(hash ^ 257, 0x01000193)
        check = Math.imul(check ^ 257, 0x85ebca6b)
        break
      }
      const from = at
      // A word is runs of letters with single separators between them; so far: its parts, and the letters of the last one.
      let parts = 1
      let letters = 0
      let isWord = true
      let ofHash = hash
      let ofCheck = check
      more = false
      for (; at < end; at++) {
        const code = target.charCodeAt(at)
        if (code === 47) {
          more = true
          break
        }
        if (code === 63) break
        const lower = code | 32
        if (lower >= 97 && lower <= 122) {
          if (++letters > (parts === 1 ? 24 : 23)) isWord = false
        } else if ((code === 45 || code === 46 || code === 95) && letters > 0 && parts < 4) {
          parts++
          letters = 0
        } else isWord = false
        ofHash = Math.imul(ofHash ^ code, 0x01000193)
        ofCheck = (Math.imul(ofCheck, 31) + code) | 0
      }
      if (at === from || (isWord && letters > 0) || isOther(target, from, at)) {
        hash = ofHash
        check = ofCheck
      } else {
        hash = Math.imul(hash ^ 256, 0x01000193)
        check = Math.imul(check ^ 256, 0x85ebca6b)
      }
      hash = Math.imul(hash ^ 47, 0x01000193)
      check = Math.imul(check ^ 47, 0x85ebca6b)
      check ^= check >>> 15
      at++
    }
    this.#hash = hash
    this.#check = check
  }
}

/** Words that are not letters alone: `v1`, `v12`, `.well-known`. */
function isOther(target: string, from: number, to: number): boolean {
  const first = target.charCodeAt(from)
  if (first === 118 && to - from >= 2 && to - from <= 3) {
    return isDigit(target.charCodeAt(from + 1)) && (to - from === 2 || isDigit(target.charCodeAt(from + 2)))
  }
  return first === 46 && to - from === 11 && target.startsWith('.well-known', from)
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
