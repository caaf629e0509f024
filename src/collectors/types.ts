/**
 * Facts of systems that do not speak Prometheus (or only in part), as pages of the exposition format.
 * A collector is an exporter inside this process: it is read by the scrape loop like any target.
 */
import type { Clock, Log, Text } from '#core'

export type PostgresSpec = { readonly kind: 'postgres'; readonly part: string; readonly url: Text }
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
export type CollectorSpec = PostgresSpec | RabbitmqSpec | BucketSpec | HostSpec

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
}
