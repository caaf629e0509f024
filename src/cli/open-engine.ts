/**
 * The metrics engine that one line chooses: the store of this process, or any store that speaks Prometheus (`--remote-engine`).
 *
 * With a remote one nothing is stored here but what waits to be sent: samples go through the spool of remote write, questions go to the
 * engine, and answers that nothing has to be changed in are handed on as they come.
 */
import { readFile } from 'node:fs/promises'
import { AssayError, type Clock, type Log, messageOf, PageWriter, type Text } from '#core'
import { type Plan, parseRemoteEngine, type RemoteEngineConfig, remoteEngineAt } from '#model'
import { EngineClient, type MetricsEngine, PassOnStore, remoteReading } from '#remote'
import type { ServerDeps } from '#server'
import type { CommitListener, Store } from '#storage'
import { VERSION } from './version.ts'

export type RemoteEngine = AsyncDisposable & {
  readonly config: RemoteEngineConfig
  readonly store: Store & { setOutOfOrderWindow(ms: number): void }
  readonly reading: Omit<MetricsEngine, 'appender'>
  readonly forward: NonNullable<ServerDeps['forward']>
  readonly metrics: () => string
}

export type RemoteEngineDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly resolve: (text: Text) => string
  readonly onCommit: CommitListener
  readonly lookbackMs: number
}

/** `named`: an address, or a file. Throws `ASSAY_CONFIG`. */
export async function openRemoteEngine(named: string, deps: RemoteEngineDeps): Promise<RemoteEngine> {
  const config = await readConfig(named)
  const { clock, log, resolve, onCommit, lookbackMs } = deps
  await using owned = new AsyncDisposableStack()
  const client = owned.use(new EngineClient(config.query, { clock, resolve, version: VERSION }))
  const store = owned.use(new PassOnStore({ clock, onCommit }))
  const reading = remoteReading(client, { lookbackMs })
  // Not waited for: an engine that starts after us is no reason not to start.
  const stopping = new AbortController()
  const probe = reading.query('1', { at: clock.now() }, stopping.signal).then(
    () => log.info({ engine: client.shownUrl }, 'the remote engine answers'),
    (error: unknown) => {
      if (!stopping.signal.aborted)
        log.warn({ engine: client.shownUrl, err: messageOf(error) }, 'the remote engine gives no answer yet')
    },
  )
  owned.defer(async () => {
    stopping.abort()
    await probe
  })
  const all = owned.move()
  return {
    config,
    store,
    reading,
    forward: (question, signal) => client.forward(question, signal),
    metrics: () =>
      new PageWriter()
        .single(
          'assay_remote_engine_requests_total',
          'counter',
          'Questions put to the remote engine.',
          client.counts.requests,
        )
        .single(
          'assay_remote_engine_failures_total',
          'counter',
          'Questions that the remote engine refused or did not answer.',
          client.counts.failures,
        )
        .single(
          'assay_remote_engine_series',
          'gauge',
          'Series that are written to the remote engine.',
          store.stats().series,
        )
        .toString(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Receivers of remote write: the engine first, then those of the plan. Throws `ASSAY_CONFIG` when the plan has taken its name. */
export function receiversOf(plan: Plan, engine: RemoteEngine | undefined): NonNullable<Plan['remoteWrites']> {
  return [...(engine === undefined ? [] : [engine.config.write]), ...(plan.remoteWrites ?? [])]
}

async function readConfig(named: string): Promise<RemoteEngineConfig> {
  if (/^https?:\/\//.test(named)) return remoteEngineAt(named)
  const text = await readFile(named, 'utf8').catch((cause: unknown) => {
    throw new AssayError(
      'ASSAY_CONFIG',
      `--remote-engine ${named} can't be read: ${messageOf(cause)}; write an address with http:// or https://, or a file that says how the engine is asked`,
      { cause },
    )
  })
  return parseRemoteEngine(text, named)
}
