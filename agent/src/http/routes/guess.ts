/**
 * A route for a server without a router: the path, with what looks like an id replaced.
 *
 * - A segment stays when it looks like a word that someone has typed into a program (`orders`, `v1`, `price-list`); all else becomes `:id`.
 * - Never more than MAX_TEMPLATES templates; what comes later has no route. So a scanner's million URLs end in a bounded set.
 */
export const MAX_TEMPLATES = 100
const MAX_SEGMENTS = 8
/** Paths repeat: the last ones seen are remembered as they came. */
const MAX_REMEMBERED = 1_000
/** Remembered where there is no template: paths are never empty. */
const NONE = ''
const WORD = /^(?:v\d{1,2}|[A-Za-z][A-Za-z]{0,23}(?:[-_.][A-Za-z]{1,23}){0,3}|\.well-known)$/

export class PathGuesser {
  readonly #templates = new Set<string>()
  #remembered = new Map<string, string>()

  /** The template for a request target, with or without its query; undefined when there are too many. */
  guess(target: string): string | undefined {
    const query = target.indexOf('?')
    const path = query < 0 ? target : target.slice(0, query)
    const remembered = this.#remembered.get(path)
    if (remembered !== undefined) return remembered === NONE ? undefined : remembered
    const template = templateOf(path)
    const known = this.#templates.has(template) || this.#templates.size < MAX_TEMPLATES
    if (known) this.#templates.add(template)
    const answer = known ? template : undefined
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered = new Map()
    if (path.length <= 256) this.#remembered.set(path, answer ?? NONE)
    return answer
  }
}

export function templateOf(path: string): string {
  if (!path.startsWith('/')) return path === '*' ? '*' : '/:other'
  const segments = path.slice(1, 1_024).split('/')
  const kept = segments
    .slice(0, MAX_SEGMENTS)
    .map((segment) => (segment === '' || WORD.test(segment) ? segment : ':id'))
  return `/${kept.join('/')}${segments.length > MAX_SEGMENTS ? '/*' : ''}`
}
