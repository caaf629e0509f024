/**
 * Route templates, interned: the same template is the same object, which carries the slots of its series.
 *
 * Bounded: a table of templates that is full answers with one route for all the rest.
 */
import type { Slot } from '../../store/index.ts'

export type Route = {
  /** E.g. `/orders/:id`; '' when nothing matched. */
  readonly template: string
  /** By (channel, scheme, method), then by status. Sparse. */
  readonly tables: (Slot | undefined)[][]
}

/** What a route is called that came when the table was full. */
export const OTHER_ROUTE = '_other'

export class Routes {
  readonly #max: () => number
  readonly #routes = new Map<string, Route>()
  readonly #other: Route = { template: OTHER_ROUTE, tables: [] }

  constructor(max: () => number) {
    this.#max = max
  }

  of(template: string): Route {
    const known = this.#routes.get(template)
    if (known !== undefined) return known
    if (this.#routes.size >= this.#max()) return this.#other
    const route: Route = { template, tables: [] }
    this.#routes.set(template, route)
    return route
  }
}
