/** A store that is written to, a sender that passes it on, and a receiver that answers as it is told: all on a clock turned by hand. */
import { uncompressSync } from 'snappy'
import { Labels, ManualClock, type NativeHistogram, silentLog, unixMs } from '#core'
import { MetadataStore, memoryStore, type Store } from '#storage'
import type { RemoteWriteConfig } from './config.ts'
import { decodeWriteRequest } from './decode-v1.ts'
import { decodeWriteRequestV2 } from './decode-v2.ts'
import type { Post, PostAnswer } from './post-client.ts'
import { Sender, type SenderDeps } from './sender.ts'
import type { WriteRequest } from './types.ts'

/** Drops what has the label, keeps the rest. */
export type DropStep = { readonly drop: string }

export const START = 1_700_000_000_000

export function configOf(
  over: Partial<RemoteWriteConfig<DropStep>> = {},
  queue: Partial<RemoteWriteConfig['queue']> = {},
): RemoteWriteConfig<DropStep> {
  return {
    name: 'far',
    url: 'http://far.example/api/v1/write',
    version: 'v2',
    timeoutMs: 30_000,
    headers: {},
    writeRelabelConfigs: [],
    sendExemplars: true,
    sendNativeHistograms: true,
    http: { followRedirects: true },
    queue: {
      capacity: 10_000,
      minShards: 1,
      maxShards: 4,
      maxSamplesPerSend: 100,
      batchSendDeadlineMs: 5000,
      minBackoffMs: 30,
      maxBackoffMs: 5000,
      retryOnHttp429: false,
      sampleAgeLimitMs: 0,
      ...queue,
    },
    metadata: { send: true, sendIntervalMs: 60_000, maxSamplesPerSend: 2 },
    ...over,
  }
}

export type Received = {
  readonly post: Post
  readonly request: WriteRequest
  readonly at: number
  /** As `SenderBench.seen` writes it. */
  readonly texts: readonly string[]
  /** Answered with a 2xx. */
  isTaken: boolean
}
/** What the receiver answers the n-th request, from 0; `undefined`: all is written. An error: no answer at all. */
export type Answering = (n: number, received: Received) => Partial<PostAnswer> | Error | undefined

export type SenderBench = {
  readonly clock: ManualClock
  readonly store: Store
  readonly metadata: MetadataStore
  readonly sender: Sender<DropStep>
  readonly received: Received[]
  readonly write: (
    name: string,
    values: readonly (number | NativeHistogram | null)[],
    options?: { readonly from?: number; readonly startAt?: number },
  ) => void
  /** Series and values that came, as `name@offset=value`. */
  readonly seen: () => readonly string[]
}

export function openSender(
  config: RemoteWriteConfig<DropStep> = configOf(),
  answering: Answering = () => undefined,
  external: Readonly<Record<string, string>> = {},
  {
    spool,
    clock = new ManualClock(START),
  }: { readonly spool?: NonNullable<SenderDeps<DropStep>['spool']>; readonly clock?: ManualClock } = {},
): SenderBench {
  const metadata = new MetadataStore()
  const received: Received[] = []
  const sender = new Sender<DropStep>(config, Labels.of(external), {
    clock,
    log: silentLog,
    metadata,
    resolve: (text) => (typeof text === 'string' ? text : `$${text.env}`),
    version: '1.2.3',
    random: () => 1,
    ...(spool === undefined ? {} : { spool }),
    relabel: (labels, steps) => (steps.some(({ drop }) => labels.has(drop)) ? undefined : labels),
    client: {
      async post(post) {
        const message = Buffer.from(uncompressSync(Buffer.from(post.body), { asBuffer: true }))
        const isV2 = post.headers['content-type']?.includes('v2') === true
        const request = isV2 ? decodeWriteRequestV2(message) : decodeWriteRequest(message)
        const one = { post, request, at: clock.now(), texts: seenIn(request), isTaken: false }
        const answer = answering(received.push(one) - 1, one)
        if (answer instanceof Error) throw answer
        one.isTaken = (answer?.status ?? 204) < 300
        return { status: 204, headers: answer === undefined ? writtenHeaders(request) : {}, text: '', ...answer }
      },
      [Symbol.dispose]() {},
    },
  })
  const store = memoryStore({ onCommit: (committed) => sender.commit(committed) })
  return {
    clock,
    store,
    metadata,
    sender,
    received,
    write(name, values, { from = 0, startAt = 0 } = {}) {
      using batch = store.appender()
      const labels = Labels.of({ __name__: name })
      for (const [i, value] of values.entries()) {
        const at = unixMs(START + from + i)
        if (value === null) batch.appendStale(undefined, labels, at)
        else if (typeof value === 'number') batch.append(undefined, labels, at, value, startAt)
        else batch.appendHistogram(undefined, labels, at, value, startAt)
      }
      batch.commit()
    },
    seen: () => received.flatMap(({ texts }) => texts),
  }
}

export function writtenHeaders({ series }: WriteRequest): Record<string, string> {
  const sum = (of: (one: WriteRequest['series'][number]) => number) =>
    String(series.reduce((total, one) => total + of(one), 0))
  return {
    'x-prometheus-remote-write-samples-written': sum(({ from, to }) => to - from),
    'x-prometheus-remote-write-histograms-written': sum(({ histograms }) => histograms.length),
    'x-prometheus-remote-write-exemplars-written': sum(({ exemplars }) => exemplars.length),
  }
}

function seenIn({ series, timestamps, values }: WriteRequest): readonly string[] {
  return series.flatMap(({ labels, from, to, histograms }) => [
    ...Array.from({ length: to - from }, (_, i) => `${labels}@${timestamps[from + i]! - START}=${values[from + i]}`),
    ...histograms.map(({ at, histogram }) => `${labels}@${at - START}=h${histogram?.count}`),
  ])
}
