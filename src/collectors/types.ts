/**
 * Facts of systems that do not speak Prometheus (or only in part), as pages of the exposition format.
 * A collector is an exporter inside this process: it is read by the scrape loop like any target.
 */
import type { Clock, Log, Text } from '#core'
import type { State } from '#state'

/** A table in which messages wait: `sql` counts them. */
export type OutboxSpec = { readonly name: string; readonly sql: string }
export type PostgresSpec = {
  readonly kind: 'postgres'
  readonly part: string
  readonly url: Text
  readonly outboxes?: readonly OutboxSpec[]
}
export type RabbitmqSpec = {
  readonly kind: 'rabbitmq'
  readonly part: string
  /** The management plugin's address with credentials: `http://user:password@127.0.0.1:15672`. */
  readonly management: Text
  /** The broker's own Prometheus endpoint; found through the management API when absent. */
  readonly metrics?: Text
  /** Queues that hold dead letters. */
  readonly deadLetters: readonly string[]
}
export type BucketSpec = {
  readonly kind: 'bucket'
  readonly part: string
  readonly endpoint: Text
  readonly name: string
  readonly region: string
  readonly accessKeyId?: Text
  readonly secretAccessKey?: Text
  readonly capacityBytes?: number
}
export type HostSpec = { readonly kind: 'host'; readonly part: string }
/** The users of an API, from all its agents together. */
export type UsersSpec = {
  readonly kind: 'users'
  /** `shop:users`: the API's own job stays that of its instances. */
  readonly part: string
  /** The API: the label `service`. */
  readonly service: string
  /** Where its agents answer: `host:port`; or that they are those which a scrape job finds, asked as they are scraped. */
  readonly targets: readonly string[] | { readonly scraped: string }
  /** What they ask for. */
  readonly token?: Text
}
/** One instance with an agent. */
export type UsersAgent = {
  /** For people, without secrets: `10.0.0.7:9464`. */
  readonly address: string
  /** Its answer to a path beside `/metrics`, whatever its status. Rejects when there is none. */
  readonly ask: (path: string, signal: AbortSignal) => Promise<{ readonly status: number; readonly body: string }>
}
export type CollectorSpec = PostgresSpec | RabbitmqSpec | BucketSpec | HostSpec | UsersSpec

export interface Collector extends AsyncDisposable {
  readonly spec: CollectorSpec
  /** For people, without secrets: `postgres://127.0.0.1:5432/shop`. */
  readonly address: string
  /** One page, text format 0.0.4. Rejects when the part can't be asked: the message is the cause the UI shows. */
  read(signal: AbortSignal): Promise<string>
  /** What the last page lacked although the part answered, in sentences that say what to do. */
  caveats(): readonly string[]
}

export type CollectorDeps = {
  /** Resolves references to the environment; throws when one is not set. */
  readonly resolve: (text: Text) => string
  readonly clock: Clock
  readonly log: Log
  /** Where a collector keeps what must outlive this process; absent: nothing does. */
  readonly state?: State
  /** The instances that a scrape job has just now; absent: none. */
  readonly scraped?: (job: string) => readonly UsersAgent[]
}
