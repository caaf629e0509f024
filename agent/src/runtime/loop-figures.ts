/**
 * The event loop: its utilization always, its delay where Node can tell it without waking an idle process.
 *
 * - Since Node 26 delay is sampled by the loop's own iterations (`samplePerIteration`): 0 wake-ups when idle, all quantiles (loop-delays.ts).
 * - Before, Node measures with a timer that fires 100 times a second for ever, 2.4 ms of CPU a second. It is not started: the mean is told from
 *   the time at work and the number of iterations (`uvMetricsInfo`), the lag of the moment is measured at scrape, and there are no
 *   quantiles.
 * - Figures over a time do not depend on who scrapes how often: utilization covers the last 5 to 10 s or since the scrape before.
 *   For exact rates there are counters: `nodejs_eventloop_active_seconds_total` and its idle twin.
 * - What OpenTelemetry's conventions for Node.js name is told by those names, too (@opentelemetry/instrumentation-runtime-node, in Prometheus'
 *   spelling).
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { type Slot, set } from '../store/index.ts'
import type { Figures } from './figures.ts'
import { SAMPLES_PER_ITERATION } from './sampled-delays.ts'

export const UTILIZATION_WINDOW_MS = 5_000

/** A delay by both of its names: what it answers tells it, in seconds. */
export function delayGauge(figures: Figures, suffix: string, help: string): (seconds: number) => void {
  const slots = ['lag', 'delay'].map((name) =>
    figures.gauge(`nodejs_eventloop_${name}${suffix}_seconds`, help).series(),
  )
  return (seconds) => {
    for (const slot of slots) set(slot, seconds)
  }
}

/** `perIteration` is this Node's ability; a test may say otherwise. */
export function loopFigures(figures: Figures, perIteration: boolean = SAMPLES_PER_ITERATION): void {
  const window = utilization(figures)
  const lag = figures.gauge(
    'nodejs_eventloop_lag_seconds',
    'How long the event loop took to come round during this scrape.',
  )
  const slot = lag.series()
  figures.add(async () => {
    const from = performance.now()
    await new Promise<void>((resolve) => setImmediate(resolve))
    set(slot, (performance.now() - from) / 1_000)
  })
  if (!perIteration) meanOfIterations(figures, window)
}

/** Time at work and idle since `from` until now; replaced by a newer one when it has grown old. */
type Window = { readonly now: () => { readonly activeMs: number; readonly iterations: number } }

function utilization(figures: Figures): Window {
  const active = figures
    .counter('nodejs_eventloop_active_seconds_total', 'Time the event loop has spent at work.')
    .series()
  const idle = figures.counter('nodejs_eventloop_idle_seconds_total', 'Time the event loop has spent waiting.').series()
  const time = figures.counter('nodejs_eventloop_time_seconds_total', 'Time the event loop has spent in each state.')
  const [activeTime, idleTime] = (['active', 'idle'] as const).map((state) =>
    time.series([['nodejs_eventloop_state', state]]),
  ) as [Slot, Slot]
  const shares = ['', '_ratio'].map((suffix) =>
    figures.gauge(`nodejs_eventloop_utilization${suffix}`, 'Share of time at work, 0 to 1, lately.').series(),
  )
  type Point = { readonly at: EventLoopUtilization; readonly iterations: number }
  const none: Point = { at: { active: 0, idle: 0, utilization: 0 }, iterations: 0 }
  let before = none
  let current = none
  let last = { activeMs: 0, iterations: 0 }
  figures.add(() => {
    const now: Point = { at: performance.eventLoopUtilization(), iterations: iterationsSoFar() }
    for (const slot of [active, activeTime]) set(slot, now.at.active / 1_000)
    for (const slot of [idle, idleTime]) set(slot, now.at.idle / 1_000)
    if (now.at.active + now.at.idle - current.at.active - current.at.idle >= UTILIZATION_WINDOW_MS) {
      before = current
      current = now
    }
    const worked = now.at.active - before.at.active
    const passed = worked + now.at.idle - before.at.idle
    for (const slot of shares) set(slot, passed > 0 ? Math.min(1, Math.max(0, worked / passed)) : 0)
    last = { activeMs: worked, iterations: now.iterations - before.iterations }
  })
  return { now: () => last }
}

function iterationsSoFar(): number {
  const info: unknown = Reflect.get(performance.nodeTiming, 'uvMetricsInfo')
  const count: unknown = typeof info === 'object' && info !== null ? Reflect.get(info, 'loopCount') : undefined
  return typeof count === 'number' ? count : 0
}

function meanOfIterations(figures: Figures, window: Window): void {
  const help = 'Mean time of an iteration of the event loop at work, lately.'
  let tell: ((seconds: number) => void) | undefined
  figures.add(() => {
    const { activeMs, iterations } = window.now()
    if (iterations === 0) return
    tell ??= delayGauge(figures, '_mean', help)
    tell(Math.max(0, activeMs) / iterations / 1_000)
  })
}
