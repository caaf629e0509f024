/**
 * One receiver we write to, as plain data. Defaults are Prometheus' and stand where the configuration is read (#model).
 *
 * `Step` is a step of relabelling: what it means is the business of who hands `relabel` in.
 */
import type { HttpClientConfig, Text } from '#core'
import type { WriteVersion } from './negotiate.ts'

export type RemoteWriteConfig<Step = unknown> = {
  /** '' : six digits made from the rest, as Prometheus does. */
  readonly name: string
  readonly url: string
  readonly version: WriteVersion
  readonly timeoutMs: number
  readonly headers: Readonly<Record<string, Text>>
  readonly writeRelabelConfigs: readonly Step[]
  /** For 1.0; 2.0 always sends both. */
  readonly sendExemplars: boolean
  readonly sendNativeHistograms: boolean
  readonly http: HttpClientConfig
  readonly queue: QueueConfig
  /** For 1.0; 2.0 tells metadata with each series. */
  readonly metadata: { readonly send: boolean; readonly sendIntervalMs: number; readonly maxSamplesPerSend: number }
}

/** `capacity` times `maxShards` samples wait at most: there is no log to read them from again. */
export type QueueConfig = {
  readonly capacity: number
  readonly minShards: number
  readonly maxShards: number
  readonly maxSamplesPerSend: number
  readonly batchSendDeadlineMs: number
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
  readonly retryOnHttp429: boolean
  /** 0: samples of any age are sent. */
  readonly sampleAgeLimitMs: number
}
