/** Both servers that are compared, holding the same data. */
import { prometheusVersion, startPrometheus } from '../support/prometheus3.ts'
import { type ServerKind, startAssay } from './assay-server.ts'

export type Servers = AsyncDisposable & { readonly ours: string; readonly theirs: string; readonly version: string }

/** Started with the same features, and given the same by `write`; more flags for Prometheus in `args`. */
export async function startBoth(
  {
    features = [],
    kind = 'process',
    args = [],
  }: { readonly features?: readonly string[]; readonly kind?: ServerKind; readonly args?: readonly string[] },
  write: (url: string) => Promise<void>,
): Promise<Servers> {
  await using owned = new AsyncDisposableStack()
  const prometheus = owned.use(await startPrometheus({ features: ['native-histograms', ...features], args }))
  const assay = owned.use(await startAssay(kind, features))
  await Promise.all([write(prometheus.url), write(assay.url)])
  const opened = { ours: assay.url, theirs: prometheus.url, version: await prometheusVersion() }
  const all = owned.move()
  return { ...opened, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Of these functions, those that a server knows and its features allow. */
export async function knownFunctions(url: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const known = await Promise.all(
    names.map(async (name) => {
      const response = await fetch(`${url}/api/v1/parse_query`, {
        method: 'POST',
        body: new URLSearchParams({ query: `${name}()` }),
      })
      // `end()` is a syntax error where it is a keyword alone.
      return !/unknown function|unexpected/.test(await response.text())
    }),
  )
  return new Set(names.filter((_, i) => known[i]))
}
