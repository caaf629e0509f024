/**
 * Which route a request has come to, as the frameworks tell it: all that they need of the agent, loaded with the first of them and before
 * anything is measured.
 */
import type { IncomingMessage } from 'node:http'
import { CONNECTION, type Connection, FLIGHT, type Flight, NOT_KEPT } from '../connection.ts'
import { type Route, Routes } from './routes.ts'

/** What a framework's hook tells of. */
export interface RouteTeller {
  readonly routes: Routes
  /** Whether a framework tells routes here; then paths are not guessed. */
  hasRouter: boolean
  /** Says which route a request has come to; the last word holds. Unknown requests (injected, foreign) are left alone. */
  setRoute(request: IncomingMessage, route: Route, framework?: unknown): void
}

export class RouteBook implements RouteTeller {
  readonly routes: Routes
  hasRouter = false
  /** Whether somebody asks for the frameworks' own requests: to keep one costs as much as to keep Node's (connection.ts). */
  keepsFramework = false

  /** `maxRoutes`: templates beyond that are one. */
  constructor(maxRoutes: () => number) {
    this.routes = new Routes(maxRoutes)
  }

  setRoute(request: IncomingMessage, route: Route, framework?: unknown): void {
    const flight =
      request.httpVersionMajor === 2
        ? (request as { stream?: { [FLIGHT]?: Flight } }).stream?.[FLIGHT]
        : (request.socket as { [CONNECTION]?: Connection } | undefined)?.[CONNECTION]?.find(request)
    if (flight === undefined) return
    flight.route = route
    if (framework !== undefined) flight.framework = this.keepsFramework ? framework : NOT_KEPT
  }
}
