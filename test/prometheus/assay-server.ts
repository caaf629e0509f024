/**
 * assay for a comparison: as its users start it (`process`), or inside this process over the simplest store (`memory`), which
 * tells a fault of the engine from one of the durable store.
 */
import { parseFeatures, systemClock, unixMs } from '#core'
import { createEngine } from '#promql'
import { memoryStore } from '#storage'
import { openWorld } from '../../src/server/server.test-support.ts'
import { directoryOf, serve } from '../support/serve.ts'

export const KINDS = ['process', 'memory'] as const
export type ServerKind = (typeof KINDS)[number]

export async function startAssay(
  kind: ServerKind,
  features: readonly string[],
): Promise<AsyncDisposable & { readonly url: string }> {
  return kind === 'memory' ? await inProcess(features) : await asProcess(features)
}

async function inProcess(names: readonly string[]): Promise<AsyncDisposable & { readonly url: string }> {
  const store = memoryStore()
  const { features } = parseFeatures(names.join(','))
  const { query } = createEngine({
    store: (start, end) => store.querier(unixMs(start), unixMs(end)),
    features,
  } as Parameters<typeof createEngine>[0])
  const { server } = await openWorld({ query, clock: systemClock, deps: { store, features } })
  return { url: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/**
 * Nothing is scraped, not even ourselves: beside samples of today, those of a data set years old would be too old, as in Prometheus.
 */
const CONFIG = 'scrape_configs: [{ job_name: assay, static_configs: [] }]\n'

async function asProcess(features: readonly string[]): Promise<AsyncDisposable & { readonly url: string }> {
  await using owned = new AsyncDisposableStack()
  const { path } = owned.use(await directoryOf({ 'prometheus.yml': CONFIG }))
  const { url } = owned.use(
    await serve([
      ...['--config', `${path}/prometheus.yml`, '--data', `${path}/data`],
      ...['--listen', '127.0.0.1:0', '--retention', '100y'],
      ...(features.length > 0 ? ['--enable-feature', features.join(',')] : []),
    ]),
  )
  const all = owned.move()
  return { url, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
