/**
 * `node --import @assay/agent app.js`: importing this file instruments the process. It also exports what only the application can tell.
 *
 * - Never throws into the application, never changes its behaviour, never keeps it alive.
 * - Loaded twice (by --import and by the application, from two places) it is one agent: the first one.
 * - In a worker thread of the application nothing is opened: what it counts is told on the page of its process.
 * - With `ASSAY_AGENT=off` nothing is subscribed to, and the exports do nothing.
 */
import { createRequire } from 'node:module'
import { Agent } from './agent.ts'
import { isOff, readConfig } from './config.ts'
import { sayOnStderr } from './guard.ts'
import type { LabelSpec } from './metrics/label-set.ts'
import type {
  Counter,
  Gauge,
  GaugeOptions,
  Histogram,
  HistogramOptions,
  OwnMetricOptions,
} from './metrics/own-metrics.ts'

export type { LabelSpec, LabelsOf } from './metrics/label-set.ts'
export type * from './metrics/own-metrics.ts'

const load = createRequire(import.meta.url)
const PLACE = Symbol.for('assay.agent.1')
/** Undefined when it is off. */
const agent = isOff(process.env) ? undefined : theAgent()

function off(): typeof import('./off.ts') {
  return load('./off.ts') as typeof import('./off.ts')
}

function theAgent(): Agent {
  const shared = globalThis as { [PLACE]?: Agent }
  if (shared[PLACE] !== undefined) return shared[PLACE]
  const made = new Agent(() => readConfig(process.env, sayOnStderr), sayOnStderr)
  Object.defineProperty(globalThis, PLACE, { value: made })
  return made
}

/** Opens the metrics address of a process that has no HTTP server. Where there is one, this happens by itself. */
export function start(): void {
  agent?.start()
}

/** A value that only grows. Name it `..._total`. Throws for a name or label that Prometheus would not take. */
export function counter<const Labels extends LabelSpec = readonly never[]>(
  name: string,
  options: OwnMetricOptions<Labels>,
): Counter<Labels> {
  agent?.start()
  return agent?.own.counter(name, options) ?? off().counter()
}

/** A value that goes up and down; set at any time, or by `collect` at each scrape. */
export function gauge<const Labels extends LabelSpec = readonly never[]>(
  name: string,
  options: GaugeOptions<Labels>,
): Gauge<Labels> {
  agent?.start()
  return agent?.own.gauge(name, options) ?? off().gauge()
}

/** How values are spread; `bounds` are upper bounds in the metric's own unit. */
export function histogram<const Labels extends LabelSpec = readonly never[]>(
  name: string,
  options: HistogramOptions<Labels>,
): Histogram<Labels> {
  agent?.start()
  return agent?.own.histogram(name, options) ?? off().histogram()
}

/**
 * How many messages wait in an outbox table to be sent: `messaging_outbox_pending_messages{outbox="name"}`. `count` is called at each
 * scrape, e.g. `() => db.countUnsent()`; while it fails or takes longer than a quarter of a second there is no value, rather than an old one.
 */
export function outboxPending(name: string, count: () => number | Promise<number>): void {
  agent?.outboxPending(name, count)
}

/**
 * Whose request it is: called when a request has been answered, with the framework's own request (Express, Fastify) or Node's.
 * The id is hashed at once and not kept.
 */
export function identify<Request>(whose: (request: Request) => string | undefined): void {
  agent?.identify(whose as (request: unknown) => string | undefined)
}

/** Tells the route of a request that a router of your own has matched: `setRoute(request, '/orders/:id')`. */
export function setRoute(request: import('node:http').IncomingMessage, template: string): void {
  agent?.server.setRoute(request, agent.server.routes.of(template))
}
