/**
 * All receivers we write to. A reload keeps the senders whose configuration is the same, ends the others and starts the new ones.
 *
 * - What waits is kept on disk by the receiver's name, or its address where it has none: another password or other labels do not
 *   change whose it is. One that is configured no more leaves its directory behind, which the log names; it is removed when it is older
 *   than what waits may be.
 */
import { createHash } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AssayError, type Clock, Labels, type Log, messageOf, type Text } from '#core'
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
  /** Where what waits is kept on disk, for each receiver at most `maxBytes` and, but for 0, `maxAgeMs`. Absent: in memory alone. */
  readonly spool?: { readonly dir: string; readonly maxBytes: number; readonly maxAgeMs: number }
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
    const keyed = named.map((config) => ({ config, key: digest([config, externalLabels]) }))
    // Before others take their places on disk, and in the same turn, so that no commit comes between.
    for (const { key, sender } of before) if (!keyed.some((one) => one.key === key)) sender.letGo()
    this.#running = keyed.map(
      ({ config, key }) => before.find((one) => one.key === key) ?? this.#start(config, Labels.of(externalLabels), key),
    )
    this.#tidy(named)
    await this.#endAll(before.filter((one) => !this.#running.includes(one)))
  }

  metrics(): string {
    return senderPage(
      this.#running.map(({ sender }) => ({
        name: sender.config.name,
        url: sender.config.url,
        totals: sender.totals,
        fellBack: sender.fellBack,
        spooled: sender.spooled,
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
    const { spool, ...deps } = { ...this.#deps, client, random: this.#deps.random ?? Math.random }
    if (spool === undefined) return { key, sender: new Sender(config, externalLabels, deps), client }
    try {
      const own = { ...spool, dir: join(spool.dir, directoryOf(config)) }
      return { key, sender: new Sender(config, externalLabels, { ...deps, spool: own }), client }
    } catch (error) {
      if (!(error instanceof AssayError) || error.code !== 'ASSAY_SPOOL') throw error
      deps.log.error(
        { remote: config.name, err: messageOf(error) },
        'remote write goes on in memory alone: a crash would lose what waits',
      )
      return { key, sender: new Sender(config, externalLabels, deps), client }
    }
  }

  /** What waits for receivers that are configured no more. */
  #tidy(named: readonly RemoteWriteConfig<Step>[]): void {
    const { spool, log, clock } = this.#deps
    if (spool === undefined) return
    const used = new Set(named.map(directoryOf))
    for (const name of directoriesIn(spool.dir)) {
      if (used.has(name)) continue
      const dir = join(spool.dir, name)
      if (spool.maxAgeMs > 0 && clock.now() - statSync(dir).mtimeMs > spool.maxAgeMs)
        rmSync(dir, { recursive: true, force: true })
      else
        log.warn(
          { dir },
          'samples wait on disk for a receiver of remote write that is configured no more; configure it again to send them, or remove the directory',
        )
    }
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

/** The directory of a receiver: its name where that is fit to be one, and digits of the whole name, or of the address. */
function directoryOf({ name, url }: { readonly name: string; readonly url: string }): string {
  const isOwn = name !== '' && !/^[0-9a-f]{6}$/.test(name)
  const shown = isOwn ? name.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 40) : 'receiver'
  return `${shown}-${digest(isOwn ? name : url)}`
}

function directoriesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return [] // nothing waited yet
  }
}

/** Six digits, as Prometheus names what has no name; references to secrets are in it, secrets are not. */
function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 6)
}
