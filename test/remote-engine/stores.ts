/** Stores that speak Prometheus, as their users start them, each on a free port of loopback. */
import { startPeer } from '../support/peer-process.ts'
import { freePort, startPrometheus } from '../support/prometheus3.ts'

/** `flush`: what was taken is visible when it resolves. */
export type RealStore = AsyncDisposable & { readonly url: string; readonly flush: () => Promise<void> }

export async function startVictoria(args: readonly string[] = [], port?: number, data?: string): Promise<RealStore> {
  const own = port ?? (await freePort())
  const started = await startPeer({
    program: 'victoria-metrics',
    args: (directory) => [
      `-httpListenAddr=127.0.0.1:${own}`,
      `-storageDataPath=${data ?? `${directory}/data`}`,
      '-retentionPeriod=100y',
      '-search.latencyOffset=0s',
      // Else a series that has just been written is not found by its labels for a while.
      '-search.disableCache',
      ...args,
    ],
  })
  try {
    await started.printed(/started server at http:\/\/127\.0\.0\.1:/)
  } catch (cause) {
    await started[Symbol.asyncDispose]()
    throw cause
  }
  const url = `http://127.0.0.1:${own}`
  return {
    url,
    flush: async () => void (await (await fetch(`${url}/internal/force_flush`)).text()),
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
}

export async function startRealPrometheus(): Promise<RealStore> {
  const started = await startPrometheus({ features: ['native-histograms'] })
  return { url: started.url, flush: async () => {}, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() }
}
