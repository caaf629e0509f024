/**
 * One receiver we write to, as plain data. Defaults are Prometheus' and stand where the configuration is read (#model).
 *
 * `Step` is a step of relabelling: what it means is the business of who hands `relabel` in.
 */
import type { Text } from '#core'
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

/** Files are read anew for every request, so that a renewed secret is taken without a reload. */
export type HttpClientConfig = {
  readonly basicAuth?: {
    readonly username?: string
    readonly usernameFile?: string
    readonly password?: Text
    readonly passwordFile?: string
  }
  readonly authorization?: { readonly type: string; readonly credentials?: Text; readonly credentialsFile?: string }
  readonly tls?: TlsConfig
  readonly proxyUrl?: string
  /** Hosts, `.domains` and `host:port`, that are reached without the proxy. */
  readonly noProxy?: readonly string[]
  readonly followRedirects: boolean
}

export type TlsConfig = {
  readonly ca?: string
  readonly caFile?: string
  readonly cert?: string
  readonly certFile?: string
  readonly key?: Text
  readonly keyFile?: string
  readonly serverName?: string
  readonly insecureSkipVerify?: boolean
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
}
