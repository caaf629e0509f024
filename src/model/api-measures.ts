/**
 * The measures of an API, from the series that the agent writes: rate, errors, duration, saturation, users.
 */
import type { Unit } from '#responder'
import { guarded } from './guarded.ts'
import { type ExprContext, type Measure, measuresOf } from './measure.ts'
import type { Part } from './parts.ts'

const DURATION = 'http_server_request_duration_seconds'

/** Rate, errors and duration: of an API as a whole or of one of its channels. */
export type RedMeasures = {
  readonly rate: Measure<'per_second'> & { readonly perInstance: Measure<'per_second'> }
  readonly errors: { readonly ratio: Measure<'ratio'>; readonly rate: Measure<'per_second'> }
  readonly latency: {
    readonly p50: Measure<'seconds'>
    readonly p90: Measure<'seconds'>
    readonly p95: Measure<'seconds'>
    readonly p99: Measure<'seconds'>
    readonly mean: Measure<'seconds'>
  }
}

export type ApiMeasures = RedMeasures & {
  /** The worst of event loop, CPU and memory, each as a share of what the process may use; of the worst instance. */
  readonly saturation: Measure<'ratio'> & {
    readonly eventLoop: Measure<'ratio'>
    readonly cpu: Measure<'ratio'>
    readonly memory: Measure<'ratio'>
  }
  readonly instances: Measure<'count'>
  readonly users: { readonly now: Measure<'count'>; readonly today: Measure<'count'> }
}

/** `channel`: only that channel's requests. `path`: how the user writes it, for messages. */
export function redMeasures(part: () => Part, path: string, channel?: string): RedMeasures {
  const whole = measuresOf(part)
  const of = <U extends Unit>(
    id: string,
    unit: U,
    title: string,
    complaint: string,
    expr: Measure['expr'],
  ): Measure<U> =>
    channel === undefined
      ? whole(id, unit, title, complaint, expr)
      : whole(`${id}.${channel}`, unit, `${title}, ${channel}`, `${complaint} on the ${channel} channel`, expr)
  const select = (context: ExprContext, more = '') =>
    `{job="${context.job}"${channel === undefined ? '' : `,channel="${channel}"`}${more}}`
  const requests = (context: ExprContext, more = '') =>
    `sum(rate(${DURATION}_count${select(context, more)}[${context.window}]))`
  const failed = (context: ExprContext) =>
    `(${requests(context, ',http_response_status_code=~"5.."')} or 0 * ${requests(context)})`
  const quantile = (q: number) => (context: ExprContext) =>
    `histogram_quantile(${q}, sum by (le) (rate(${DURATION}_bucket${select(context)}[${context.window}]))) >= 0`
  const latency = (q: number, name: string) => of(`latency.${name}`, 'seconds', name, 'answers slowly', quantile(q))

  return {
    rate: guarded(`${path}.rate`, {
      ...of('rate', 'per_second', 'rate', 'is busy', (context) => requests(context)),
      perInstance: of(
        'rate.perInstance',
        'per_second',
        'rate per instance',
        'is busy',
        (context) => `${requests(context)} / ${instancesExpr(context)}`,
      ),
    }),
    errors: guarded(`${path}.errors`, {
      ratio: of(
        'errors.ratio',
        'ratio',
        'errors',
        'fails',
        (context) => `${failed(context)} / (${requests(context)} > 0)`,
      ),
      rate: of('errors.rate', 'per_second', 'errors per second', 'fails', failed),
    }),
    latency: guarded(`${path}.latency`, {
      p50: latency(0.5, 'p50'),
      p90: latency(0.9, 'p90'),
      p95: latency(0.95, 'p95'),
      p99: latency(0.99, 'p99'),
      mean: of(
        'latency.mean',
        'seconds',
        'mean latency',
        'answers slowly',
        (context) => `sum(rate(${DURATION}_sum${select(context)}[${context.window}])) / (${requests(context)} > 0)`,
      ),
    }),
  }
}

export function apiMeasures(part: () => Part): ApiMeasures {
  const of = measuresOf(part)
  const saturated = 'is saturated'
  return {
    ...redMeasures(part, 'api'),
    saturation: guarded('api.saturation', {
      ...of(
        'saturation',
        'ratio',
        'saturation',
        saturated,
        (context) =>
          `max(${RESOURCES.map(([name, expr]) => `label_replace(${expr(context)}, "resource", "${name}", "", "")`).join(' or ')})`,
      ),
      eventLoop: of(
        'saturation.eventLoop',
        'ratio',
        'event loop',
        saturated,
        (context) => `max(${eventLoopExpr(context)})`,
      ),
      cpu: of('saturation.cpu', 'ratio', 'cpu', saturated, (context) => `max(${cpuExpr(context)})`),
      memory: of(
        'saturation.memory',
        'ratio',
        'memory',
        'runs out of memory',
        (context) => `max(${memoryExpr(context)})`,
      ),
    }),
    instances: of('instances', 'count', 'instances', 'has too many instances', instancesExpr),
    users: guarded('api.users', {
      now: of('users.now', 'count', 'users now', 'has many users', (context) => usersExpr(context, '5m')),
      today: of('users.today', 'count', 'users today', 'has many users', (context) => usersExpr(context, '1d')),
    }),
  }
}

/** Merged over all instances; where nobody merges, what they tell one by one, which counts a user of two of them twice. */
function usersExpr({ job }: ExprContext, window: string): string {
  return `max(assay_active_users{service="${job}",window="${window}"}) or sum(assay_active_users{job="${job}",window="${window}"})`
}

/** Each live process (a worker of a cluster, or a whole instance) exposes its own start time. */
function instancesExpr({ job }: ExprContext): string {
  return `count(process_start_time_seconds{job="${job}"})`
}

/** Per process: time spent running JavaScript, as a share of all time. One thread, so 1 is full whatever the machine has. */
function eventLoopExpr({ job, window }: ExprContext): string {
  const active = `rate(nodejs_eventloop_active_seconds_total{job="${job}"}[${window}])`
  const idle = `rate(nodejs_eventloop_idle_seconds_total{job="${job}"}[${window}])`
  return `${active} / (${active} + ${idle} > 0)`
}

function cpuExpr({ job, window }: ExprContext): string {
  return `rate(process_cpu_seconds_total{job="${job}"}[${window}]) / process_cpu_limit_cores{job="${job}"}`
}

function memoryExpr({ job }: ExprContext): string {
  return `process_resident_memory_bytes{job="${job}"} / process_memory_limit_bytes{job="${job}"}`
}

const RESOURCES = [
  ['event loop', eventLoopExpr],
  ['cpu', cpuExpr],
  ['memory', memoryExpr],
] as const
