/**
 * The parts of a system as values. A part has no name of its own: the definition names it where it lists it, and
 * everything that refers to it holds the part itself, so that an unknown reference cannot be written.
 */
import { parseSize, type SizeText, type Text } from '#core'
import { type ApiMeasures, apiMeasures, type RedMeasures, redMeasures } from './api-measures.ts'
import { guarded } from './guarded.ts'
import { type Measure, measuresOf } from './measure.ts'
import { type Outboxes, unsentExpr, unsentRatioExpr } from './outbox.ts'

/** Which requests belong to a channel: addresses in CIDR form, or the rest. The agent in the service decides by the same rule. */
export type ChannelRule = readonly string[] | 'rest'

export type ApiOptions<C extends string = string> = {
  /** Where its agent answers: `host:port` of `/metrics`. Several: several hosts. Workers of one cluster share one. */
  readonly targets: readonly string[]
  /** What its agent asks scrapers for (`ASSAY_AGENT_TOKEN`): `env('MES_AGENT_TOKEN')`. */
  readonly token?: Text
  /** Count the people who use it (the agent must be told how to know them). */
  readonly users?: boolean
  readonly uses?: readonly Part[]
  readonly channels?: Readonly<Record<C, ChannelRule>>
  /** Who calls it from outside, for people: `'customers'`, or by channel: `{ open: 'partners' }`. */
  readonly callers?: string | Readonly<Partial<Record<C, string>>>
  /** Its name in its runtime (PM2 process, deployment, unit); the part's own name when absent. */
  readonly workload?: string
}

export type ApiPart<C extends string = never> = ApiMeasures & {
  readonly kind: 'api'
  readonly options: ApiOptions
  /** One channel's requests alone: `mes.channel.open.latency.p95`. */
  readonly channel: { readonly [Name in C]: RedMeasures }
}

/** Any API, whatever its channels. */
export type ScalablePart = ApiPart<never>

export type PostgresPart = {
  readonly kind: 'postgres'
  readonly options: PostgresOptions
  readonly connections: Measure<'count'> & { readonly ratio: Measure<'ratio'> }
  readonly size: Measure<'bytes'>
  /** Messages that wait in its outboxes; `ratio`: of all that waited or were sent lately, the share that waits. */
  readonly outbox: Measure<'count'> & { readonly ratio: Measure<'ratio'> }
}
export type PostgresOptions = {
  readonly url: Text
  /** Outboxes by name: a query that counts what waits, or the table that holds nothing else. */
  readonly outbox?: Outboxes
}

export type RabbitmqPart = {
  readonly kind: 'rabbitmq'
  readonly options: { readonly management: Text; readonly metrics?: Text; readonly deadLetters?: readonly string[] }
  readonly ready: Measure<'count'>
  readonly unacked: Measure<'count'>
  readonly deadLetters: Measure<'count'>
}

export type BucketPart = {
  readonly kind: 'bucket'
  readonly options: BucketOptions
  readonly size: Measure<'bytes'>
  readonly objects: Measure<'count'>
  /** Share of its capacity in use. */
  readonly filled: Measure<'ratio'>
}
export type BucketOptions = {
  readonly endpoint: Text
  readonly name: string
  readonly capacity?: SizeText
  readonly region?: string
  readonly accessKeyId?: Text
  readonly secretAccessKey?: Text
}

export type HostPart = {
  readonly kind: 'host'
  readonly options: Readonly<Record<never, never>>
  readonly cpu: Measure<'ratio'>
  readonly memory: Measure<'ratio'>
  readonly disk: Measure<'ratio'>
}

export type Part = ScalablePart | PostgresPart | RabbitmqPart | BucketPart | HostPart

/** A service with an HTTP API, watched by the agent inside it. */
export function api<const C extends string = never>(options: ApiOptions<C>): ApiPart<C> {
  const channels = Object.keys(options.channels ?? {}) as C[]
  const part: ApiPart<C> = guarded('api', {
    kind: 'api',
    options: options as ApiOptions,
    ...apiMeasures(() => part),
    channel: guarded(
      'api.channel',
      Object.fromEntries(channels.map((name) => [name, redMeasures(() => part, `api.channel.${name}`, name)])) as {
        readonly [Name in C]: RedMeasures
      },
    ),
  })
  return part
}

/** One PostgreSQL database. The user needs no more than to connect, and `pg_monitor` to see the sessions of others. */
export function postgres(options: PostgresPart['options']): PostgresPart {
  const of = measuresOf(() => part)
  const part: PostgresPart = guarded('postgres', {
    kind: 'postgres',
    options,
    connections: guarded('postgres.connections', {
      ...of(
        'connections',
        'count',
        'connections',
        'has many connections',
        ({ job }) => `sum(pg_stat_activity_count{job="${job}"})`,
      ),
      ratio: of(
        'connections.ratio',
        'ratio',
        'connections in use',
        'runs out of connections',
        ({ job }) => `sum(pg_stat_activity_count{job="${job}"}) / max(pg_settings_max_connections{job="${job}"})`,
      ),
    }),
    size: of('size', 'bytes', 'size', 'is large', ({ job }) => `sum(pg_database_size_bytes{job="${job}"})`),
    outbox: guarded('postgres.outbox', {
      ...of('outbox', 'count', 'unsent', 'does not get its messages sent', unsentExpr),
      ratio: of('outbox.ratio', 'ratio', 'unsent to sent', 'does not get its messages sent', (context) =>
        unsentRatioExpr(options.outbox, context),
      ),
    }),
  })
  return part
}

/** A RabbitMQ broker, asked through its management plugin and its own Prometheus endpoint. */
export function rabbitmq(options: RabbitmqPart['options']): RabbitmqPart {
  const of = measuresOf(() => part)
  const part: RabbitmqPart = guarded('rabbitmq', {
    kind: 'rabbitmq',
    options,
    ready: of(
      'ready',
      'count',
      'ready',
      'has waiting messages',
      ({ job }) => `sum(rabbitmq_queue_messages_ready{job="${job}"})`,
    ),
    unacked: of(
      'unacked',
      'count',
      'in flight',
      'has messages in flight',
      ({ job }) => `sum(rabbitmq_queue_messages_unacked{job="${job}"})`,
    ),
    deadLetters: of(
      'deadLetters',
      'count',
      'dead letters',
      'has dead letters',
      ({ job }) => `sum(assay_dead_letters{job="${job}"})`,
    ),
  })
  return part
}

/** A bucket of S3-compatible storage. */
export function bucket(options: BucketOptions): BucketPart {
  // A wrong size is told where it stands, not when the first page is read.
  if (options.capacity !== undefined) parseSize(options.capacity)
  const of = measuresOf(() => part)
  const part: BucketPart = guarded('bucket', {
    kind: 'bucket',
    options,
    size: of('size', 'bytes', 'size', 'is large', ({ job }) => `sum(s3_bucket_size_bytes{job="${job}"})`),
    objects: of('objects', 'count', 'objects', 'has many objects', ({ job }) => `sum(s3_bucket_objects{job="${job}"})`),
    filled: of(
      'filled',
      'ratio',
      'filled',
      'fills',
      ({ job }) => `sum(s3_bucket_size_bytes{job="${job}"}) / sum(s3_bucket_capacity_bytes{job="${job}"})`,
    ),
  })
  return part
}

/** The machine that assay itself runs on. */
export function host(): HostPart {
  const of = measuresOf(() => part)
  const part: HostPart = guarded('host', {
    kind: 'host',
    options: {},
    cpu: of(
      'cpu',
      'ratio',
      'cpu',
      'is busy',
      ({ job, window }) => `1 - avg(rate(node_cpu_seconds_total{job="${job}",mode="idle"}[${window}]))`,
    ),
    memory: of(
      'memory',
      'ratio',
      'memory',
      'runs out of memory',
      ({ job }) => `1 - node_memory_MemAvailable_bytes{job="${job}"} / node_memory_MemTotal_bytes{job="${job}"}`,
    ),
    disk: of(
      'disk',
      'ratio',
      'disk',
      'runs out of disk',
      ({ job }) =>
        `max(1 - node_filesystem_avail_bytes{job="${job}"} / (node_filesystem_size_bytes{job="${job}"} > 0))`,
    ),
  })
  return part
}
