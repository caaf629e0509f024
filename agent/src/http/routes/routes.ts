/**
 * Route templates, interned: the same template is the same object, which carries the slots of its series.
 *
 * Bounded: a table of templates that is full answers with one route for all the rest.
 */
import type { Slot } from '../../store/index.ts'

export type Route = {
  /** From 1 on; 0: the one that stands for all the rest. */
  readonly id: number
  /** E.g. `/orders/:id`; '' when nothing matched. */
  readonly template: string
  /** Of something that stands before many routes (`/api/*`): answered with 404 it means that none of them matched. */
  readonly loose: boolean
  /** By (channel, scheme, method), then by status. Sparse. */
  readonly tables: (Slot | undefined)[][]
  /** The series that was found last, and for what: most requests of a route are of one kind. -1: none yet. */
  lastKey: number
  lastSlot: Slot | undefined
}

/** What a route is called that came when the table was full. */
export const OTHER_ROUTE = '_other'

export class Routes {
  readonly #max: () => number
  readonly #routes = new Map<string, Route>()
  readonly #other = makeRoute(0, OTHER_ROUTE, false)

  constructor(max: () => number) {
    this.#max = max
  }

  of(template: string, loose = false): Route {
    const key = loose ? `\n${template}` : template
    const known = this.#routes.get(key)
    if (known !== undefined) return known
    if (this.#routes.size >= this.#max()) return this.#other
    const route = makeRoute(this.#routes.size + 1, template, loose)
    this.#routes.set(key, route)
    return route
  }
}

function makeRoute(id: number, template: string, loose: boolean): Route {
  return { id, template, loose, tables: [], lastKey: -1, lastSlot: undefined }
}
