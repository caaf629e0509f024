/**
 * All receivers we write to. A reload keeps the senders whose configuration is the same, ends the others and starts the new ones.
 */
import { createHash } from 'node:crypto'
import { AssayError, type Clock, Labels, type Log, type Text } from '#core'
import type { CommitListener, ExemplarListener, MetadataStore } from '#storage'
import type { RemoteWriteConfig } from './config.ts'
import { type PostClient, postClient } from './post-client.ts'
import { Sender } from './sender.ts'
import { type ArrivalTotals, senderPage } from './sender-metrics.ts'

export type RemoteWriterDeps<Step> = {
  readonly clock: Clock
  readonly log: Log
  readonly metadata: MetadataStore
  /** Relabelling, as scraping does it: the labels, or `undefined` when the series is dropped. */
  readonly relabel: (labels: Labels, steps: readonly Step[]) => Labels | undefined
  readonly resolve: (text: Text) => string
  readonly version: string
  /** How long the end waits for what is not sent yet; default 10 s. */
  readonly flushDeadlineMs?: number
  readonly random?: () => number
}

export interface RemoteWriter<Step> extends AsyncDisposable {
  /** To be told of every commit of the store. */
  readonly commit: CommitListener
  /** To be told of every exemplar that was taken. */
  readonly exemplar: ExemplarListener
  /** Throws `ASSAY_CONFIG` when two receivers share a name; then nothing has changed. */
  apply(configs: readonly RemoteWriteConfig<Step>[], externalLabels: Readonly<Record<string, string>>): Promise<void>
  /** Text format 0.0.4; '' while there is no receiver. */
  metrics(): string
}

type Running<Step> = { readonly key: string; readonly sender: Sender<Step>; readonly client: PostClient }

export function createRemoteWriter<Step>(deps: RemoteWriterDeps<Step>): RemoteWriter<Step> {
  return new Writers(deps)
}

class Writers<Step> implements RemoteWriter<Step> {
  readonly #deps: RemoteWriterDeps<Step>
  #running: readonly Running<Step>[] = []
  readonly #arrived: ArrivalTotals = { samples: 0, histograms: 0, exemplars: 0, highestAt: 0 }

  constructor(deps: RemoteWriterDeps<Step>) {
    this.#deps = deps
  }

  readonly commit: CommitListener = (committed) => {
    if (this.#running.length === 0) return
    const { count, timestamps, histograms } = committed
    const arrived = this.#arrived
    for (let i = 0; i < count; i++) {
      if (histograms?.[i] === undefined) arrived.samples++
      else arrived.histograms++
      if (timestamps[i]! > arrived.highestAt) arrived.highestAt = timestamps[i]!
    }
    for (const { sender } of this.#running) sender.commit(committed)
  }

  readonly exemplar: ExemplarListener = (series, { labels, value, at }) => {
    this.#arrived.exemplars++
    for (const { sender } of this.#running) sender.exemplar(series, { labels, value, at })
  }

  async apply(
    configs: readonly RemoteWriteConfig<Step>[],
    externalLabels: Readonly<Record<string, string>>,
  ): Promise<void> {
    const named = configs.map((config) => ({ ...config, name: config.name === '' ? digest(config) : config.name }))
    const names = new Set<string>()
    for (const { name } of named) {
      if (names.has(name))
        throw new AssayError(
          'ASSAY_CONFIG',
          `remote_write: two receivers are named ${JSON.stringify(name)}; give one another name`,
        )
      names.add(name)
    }
    const before = this.#running
    this.#running = named.map((config) => {
      const key = digest([config, externalLabels])
      return before.find((one) => one.key === key) ?? this.#start(config, Labels.of(externalLabels), key)
    })
    await this.#endAll(before.filter((one) => !this.#running.includes(one)))
  }

  metrics(): string {
    return senderPage(
      this.#running.map(({ sender }) => ({
        name: sender.config.name,
        url: sender.config.url,
        totals: sender.totals,
        fellBack: sender.fellBack,
        shards: sender.shards,
        queue: sender.config.queue,
      })),
      this.#arrived,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const before = this.#running
    this.#running = []
    await this.#endAll(before)
  }

  #start(config: RemoteWriteConfig<Step>, externalLabels: Labels, key: string): Running<Step> {
    const client = postClient(config.http, this.#deps.resolve)
    const sender = new Sender(config, externalLabels, {
      ...this.#deps,
      client,
      random: this.#deps.random ?? Math.random,
    })
    return { key, sender, client }
  }

  async #endAll(running: readonly Running<Step>[]): Promise<void> {
    if (running.length === 0) return
    const done = new AbortController()
    const late = new AbortController()
    void this.#deps.clock.sleep(this.#deps.flushDeadlineMs ?? 10_000, done.signal).then(() => late.abort())
    try {
      await Promise.all(running.map(({ sender }) => sender.end(late.signal)))
    } finally {
      done.abort()
      for (const { client } of running) client[Symbol.dispose]()
    }
  }
}

/** Six digits, as Prometheus names what has no name; references to secrets are in it, secrets are not. */
function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 6)
}
