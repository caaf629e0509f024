/**
 * The stub's company: the workshop's parts with numbers that move as real ones do, for a given scenario and instant.
 *
 * - Everything is a function of time: the same instant gives the same number, so that charts do not flicker.
 * - `null` is no data. A scenario changes numbers, never shapes.
 */
import type { CallerWire, EdgeWire, PartWire, SignalWire, Unit } from './wire.ts'

export const SCENARIOS = ['well', 'mes-slow', 'crm-db-blind', 'empty', 'approval', 'resolved'] as const
export type Scenario = (typeof SCENARIOS)[number]

/** What holds while a scenario runs: `t0` is when its trouble began, in Unix seconds. */
export type World = { readonly scenario: Scenario; readonly t0: number }

export type Series = { readonly labels: Readonly<Record<string, string>>; readonly at: (t: number) => number | null }
type SignalModel = Omit<SignalWire, 'value' | 'of' | 'spark'> & {
  readonly wholeOf?: number
  readonly series: readonly Series[]
}
type PartModel = Omit<PartWire, 'signals' | 'state' | 'reason' | 'since' | 'incident' | 'instances'> & {
  readonly instances: number | null
  readonly signals: readonly SignalModel[]
}

const GIB = 1024 ** 3

/** Smooth noise around 1: three sines that never line up, and a little grain. */
export function wobble(seed: number, t: number, depth = 0.06): number {
  const grain = Math.abs(Math.sin(t * 12.9898 + seed * 78.233) * 43758.5453) % 1
  return 1 + depth * (0.5 * Math.sin(t / 97 + seed) + 0.35 * Math.sin(t / 41 + seed * 2.3) + 0.5 * (grain - 0.5))
}

/** A day's rhythm: quiet at night, busy after lunch. */
function day(t: number): number {
  return 0.75 + 0.25 * Math.sin(((t % 86_400) / 86_400) * 2 * Math.PI - 2.2)
}

/** 0 before the trouble, up to 1 within a minute and a half, down again once an instance was added. */
function trouble(world: World, t: number): number {
  if (world.scenario !== 'mes-slow' && world.scenario !== 'approval' && world.scenario !== 'resolved') return 0
  const since = t - world.t0
  const rise = Math.min(1, Math.max(0, since / 100))
  const helped = world.scenario === 'approval' ? Number.POSITIVE_INFINITY : 228
  return rise * (since < helped ? 1 : Math.max(world.scenario === 'resolved' ? 0 : 0.1, 1 - (since - helped) / 190))
}

export function company(world: World): readonly PartModel[] {
  const one = (at: (t: number) => number | null): readonly Series[] => [{ labels: {}, at }]
  const hit = (t: number) => trouble(world, t)
  const blind = (t: number) => world.scenario === 'crm-db-blind' && t > world.t0
  const signal = (
    id: string,
    title: string,
    unit: Unit,
    expr: string,
    series: readonly Series[],
    more: { form?: 'number' | 'bar'; limit?: number; wholeOf?: number } = {},
  ): SignalModel => ({
    id,
    title,
    unit,
    expr,
    series,
    form: more.form ?? 'number',
    limit: more.limit ?? null,
    ...(more.wholeOf === undefined ? {} : { wholeOf: more.wholeOf }),
  })
  const service = (
    id: string,
    seed: number,
    uses: readonly string[],
    base: { rate: number; errors: number; p95: number; cpu: number; memory: number },
    instances: number,
  ): PartModel => {
    const bad = id === 'mes' ? hit : () => 0
    const half = `http_server_request_duration_seconds`
    const p95 = (t: number) => base.p95 * wobble(seed + 3, t, 0.12) + bad(t) * 0.66 * wobble(seed + 9, t, 0.1)
    const rate = (t: number) => base.rate * day(t) * wobble(seed, t, 0.12) * (1 + 0.55 * bad(t))
    // A short hole, as a deployment leaves it: lines must not be drawn over it.
    const holed = (at: (t: number) => number) => (t: number) =>
      id === 'mes' && t > world.t0 - 330 && t < world.t0 - 250 ? null : at(t)
    return {
      id,
      title: id,
      kind: 'api',
      uses,
      instances,
      signals: [
        signal('rate', 'rate', 'per_second', `sum(rate(${half}_count{job="${id}"}[1m]))`, one(holed(rate))),
        signal(
          'errors',
          'errors',
          'ratio',
          `sum(rate(${half}_count{job="${id}",http_response_status_code=~"5.."}[1m])) / sum(rate(${half}_count{job="${id}"}[1m]))`,
          one(holed((t) => base.errors * wobble(seed + 5, t, 0.8) + bad(t) * 0.007)),
          id === 'crm' ? { limit: 0.05 } : {},
        ),
        signal(
          'p95',
          'p95',
          'seconds',
          `histogram_quantile(0.95, sum by (le) (rate(${half}_bucket{job="${id}"}[1m])))`,
          one(holed(p95)),
          id === 'mes' ? { limit: 0.5 } : {},
        ),
        signal(
          'cpu',
          'cpu',
          'ratio',
          `sum(rate(process_cpu_seconds_total{job="${id}"}[1m])) / sum(process_cpu_limit_cores{job="${id}"})`,
          one((t) => Math.min(0.98, base.cpu * wobble(seed + 1, t, 0.1) * day(t) + bad(t) * 0.5)),
          { form: 'bar' },
        ),
        signal(
          'memory',
          'memory',
          'ratio',
          `sum(process_resident_memory_bytes{job="${id}"}) / sum(process_memory_limit_bytes{job="${id}"})`,
          one((t) => base.memory * wobble(seed + 2, t, 0.03)),
          { form: 'bar' },
        ),
      ],
    }
  }
  const database = (id: string, title: string, seed: number, connections: number, gib: number): PartModel => {
    const gone = (t: number) => id === 'crmDb' && blind(t)
    return {
      id,
      title,
      kind: 'postgres',
      uses: [],
      instances: null,
      signals: [
        signal(
          'connections',
          'connections',
          'count',
          `sum(pg_stat_activity_count{job="${id}"})`,
          one((t) =>
            gone(t) ? null : Math.round(connections * wobble(seed, t, 0.2) + (id === 'mesDb' ? 22 * hit(t) : 0)),
          ),
          { wholeOf: 100 },
        ),
        signal(
          'size',
          'size',
          'bytes',
          `sum(pg_database_size_bytes{job="${id}"})`,
          one((t) => (gone(t) ? null : gib * GIB * (1 + (t - world.t0) / 9e6))),
        ),
      ],
    }
  }
  return [
    service(
      'shop',
      1,
      ['shopDb', 'broker', 'models', 'mes'],
      { rate: 312, errors: 0.002, p95: 0.084, cpu: 0.5, memory: 0.41 },
      2,
    ),
    service(
      'crm',
      11,
      ['crmDb', 'broker'],
      { rate: 41, errors: world.scenario === 'crm-db-blind' ? 0.03 : 0.0001, p95: 0.12, cpu: 0.34, memory: 0.38 },
      2,
    ),
    service(
      'mes',
      21,
      ['mesDb', 'broker', 'models'],
      { rate: 90, errors: 0.002, p95: 0.21, cpu: 0.42, memory: 0.52 },
      world.scenario === 'mes-slow' ? 3 : 2,
    ),
    database('shopDb', 'shop db', 31, 38, 41),
    database('crmDb', 'crm db', 32, 17, 6.4),
    database('mesDb', 'mes db', 33, 39, 18),
    {
      id: 'broker',
      title: 'broker',
      kind: 'rabbitmq',
      uses: [],
      instances: null,
      signals: [
        signal(
          'ready',
          'ready',
          'count',
          'sum(rabbitmq_queue_messages_ready{job="broker"})',
          one((t) => Math.round(14 * wobble(41, t, 0.9) + 1900 * hit(t))),
        ),
        signal(
          'unacked',
          'in flight',
          'count',
          'sum(rabbitmq_queue_messages_unacked{job="broker"})',
          one((t) => Math.round(62 * wobble(42, t, 0.3))),
        ),
        signal(
          'dead',
          'dead letters',
          'count',
          'sum(assay_dead_letters{job="broker"})',
          one(() => 3),
        ),
        signal(
          'unsent',
          'unsent : sent',
          'ratio',
          'sum(messaging_outbox_pending_messages) / sum(increase(messaging_client_sent_messages_total[5m]))',
          one((t) => 0.02 * wobble(43, t, 0.4)),
          { form: 'bar' },
        ),
      ],
    },
    {
      id: 'models',
      title: 'models',
      kind: 'bucket',
      uses: [],
      instances: null,
      signals: [
        signal(
          'size',
          'size',
          'bytes',
          's3_bucket_size_bytes{job="models"}',
          one((t) => 412 * GIB * (1 + (t - world.t0) / 2e7)),
          { wholeOf: 500 * GIB },
        ),
        signal(
          'objects',
          'objects',
          'count',
          's3_bucket_objects{job="models"}',
          one((t) => Math.round(48_210 + (t - world.t0) / 9)),
        ),
      ],
    },
  ]
}

/** Traffic between parts; rates move with their source. */
export function edges(world: World, t: number): readonly EdgeWire[] {
  const row = (
    from: string,
    to: string,
    rate: number,
    seed: number,
    errors: number | null = null,
    channel: string | null = null,
  ): EdgeWire => ({
    from,
    to,
    channel,
    measured: true,
    errors,
    rate: world.scenario === 'crm-db-blind' && to === 'crmDb' ? null : rate * day(t) * wobble(seed, t, 0.1),
  })
  return [
    row('channel:open', 'shop', 312, 51, 0.002, 'open'),
    row('channel:internal', 'crm', 41, 52, 0, 'internal'),
    row('channel:open', 'mes', 66 * (1 + 0.8 * trouble(world, t)), 53, 0.002 + 0.009 * trouble(world, t), 'open'),
    row('shop', 'mes', 26, 54, 0, 'internal'),
    row('shop', 'shopDb', 684, 55, 0),
    row('shop', 'broker', 12, 56),
    row('shop', 'models', 3.1, 57, 0),
    row('crm', 'crmDb', 96, 58, world.scenario === 'crm-db-blind' ? 0.31 : 0),
    row('crm', 'broker', 4.2, 59),
    row('mes', 'mesDb', 240, 60, 0),
    row('mes', 'broker', 11.6, 61),
    row('mes', 'models', 1.4, 62, 0),
  ]
}

export function callers(world: World, t: number): readonly CallerWire[] {
  const people = (base: number, seed: number) => Math.round(base * day(t) * wobble(seed, t, 0.05))
  return [
    {
      id: 'shop-open',
      title: 'customers',
      to: 'shop',
      channel: 'open',
      rate: 312 * day(t) * wobble(51, t, 0.1),
      now: people(1284, 71),
      today: 9410,
    },
    {
      id: 'crm-internal',
      title: 'staff',
      to: 'crm',
      channel: 'internal',
      rate: 41 * day(t) * wobble(52, t, 0.1),
      now: people(37, 72),
      today: 52,
    },
    {
      id: 'mes-open',
      title: 'partners',
      to: 'mes',
      channel: 'open',
      rate: 66 * (1 + 0.8 * trouble(world, t)) * day(t) * wobble(53, t, 0.1),
      now: people(14, 73),
      today: 21,
    },
  ]
}

/** The latency of mes by channel, as its page charts it. */
export function mesByChannel(world: World): readonly Series[] {
  const p95 = company(world)
    .find((part) => part.id === 'mes')!
    .signals.find((signal) => signal.id === 'p95')!.series[0]!.at
  return [
    { labels: { channel: 'internal' }, at: (t) => (p95(t) === null ? null : 0.19 * wobble(77, t, 0.08)) },
    { labels: { channel: 'open' }, at: p95 },
  ]
}
