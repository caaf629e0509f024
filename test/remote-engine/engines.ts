/** The implementations of the seam, each with the way to make what was written visible. */
import { type Log, silentLog, systemClock, unixMs } from '#core'
import { remoteEngineAt } from '#model'
import { createEngine } from '#promql'
import {
  createRemoteWriter,
  EngineClient,
  embeddedEngine,
  type MetricsEngine,
  PassOnStore,
  remoteReading,
} from '#remote'
import { type RelabelConfig, relabel } from '#scrape'
import { MetadataStore, memoryStore } from '#storage'
import type { RealStore } from './stores.ts'

export type EngineBox = AsyncDisposable & {
  readonly engine: MetricsEngine
  /** What was committed is visible when it resolves. */
  readonly settle: () => Promise<void>
}

export function embeddedBox(): EngineBox {
  const store = memoryStore()
  const { query } = createEngine({
    store: (start, end) => store.querier(unixMs(start), unixMs(end)),
    limits: { maxSamples: 1e6 },
    lookbackMs: 300_000,
    features: new Set(),
    clock: systemClock,
    subqueryStepMs: 60_000,
  })
  return { engine: embeddedEngine(store, query), settle: async () => {}, [Symbol.asyncDispose]: async () => {} }
}

export async function remoteBox(
  { url, flush }: Pick<RealStore, 'url' | 'flush'>,
  log: Log = silentLog,
): Promise<EngineBox> {
  const clock = systemClock
  const config = remoteEngineAt(url)
  const resolve = (text: unknown) => String(text)
  await using owned = new AsyncDisposableStack()
  const writer = owned.use(
    createRemoteWriter<RelabelConfig>({
      clock,
      log,
      metadata: new MetadataStore(),
      relabel,
      resolve,
      version: 'test',
      flushDeadlineMs: 1000,
    }),
  )
  const write = { ...config.write, queue: { ...config.write.queue, batchSendDeadlineMs: 5 } }
  await writer.apply([write], {})
  const store = owned.use(new PassOnStore({ clock, onCommit: writer.commit }))
  const client = owned.use(new EngineClient(config.query, { clock, resolve, version: 'test' }))
  const all = owned.move()
  const pending = () =>
    Number(/^prometheus_remote_storage_samples_pending\{[^}]*\} (\d+)$/m.exec(writer.metrics())?.[1])
  return {
    engine: { appender: (options) => store.appender(options), ...remoteReading(client) },
    async settle() {
      for (let i = 0; pending() > 0; i++) {
        if (i > 500) throw new Error(`not sent:\n${writer.metrics()}`)
        await clock.sleep(10)
      }
      await flush()
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
