/**
 * assay against a real Prometheus: the same data, the same random questions, the same answers, or an entry in `known-changes.ts`.
 *
 *   node --conditions=assay-src test/prometheus/differential.ts --seed 1 --count 10000 [--features a,b] [--most N] [--store memory] [--kinds a,b]
 *
 * What differs is made smaller until nothing can be left out any more, and printed with its seed and both answers. Exit code 1.
 */
import type { ServerKind } from './assay-server.ts'
import { command } from './command.ts'
import { dataSet } from './data-set.ts'
import { CALLS } from './functions.ts'
import { METRICS, QueryGenerator } from './query-generator.ts'
import { askAll, type Report, type RunOptions } from './question-run.ts'
import { Random } from './random.ts'
import { knownFunctions, type Servers, startBoth } from './servers.ts'
import { writeData } from './write-data.ts'

export type DifferentialOptions = Omit<RunOptions, 'metrics'> & {
  readonly seed: number
  readonly features?: readonly string[]
  readonly store?: ServerKind
  /** Of the data set, what is asked for (`ANY_KIND`); absent: everything. */
  readonly kinds?: readonly string[]
}

export type DifferentialReport = Report & {
  /** Functions that the other one does not know. */
  readonly unknown: readonly string[]
}

/** Both servers, holding the data set. */
export async function openServers(
  seed: number,
  features: readonly string[] = [],
  kind: ServerKind = 'process',
): Promise<Servers> {
  const data = dataSet(seed)
  return await startBoth({ features, kind }, (url) => writeData(url, data))
}

export async function runDifferential(options: DifferentialOptions): Promise<DifferentialReport> {
  const { seed, features = [] } = options
  await using servers = await openServers(seed, features, options.store)
  const known = await knownFunctions(
    servers.theirs,
    CALLS.map(({ name }) => name),
  )
  const calls = CALLS.filter(({ name }) => known.has(name))
  const generator = new QueryGenerator(new Random(seed), new Set(features), calls, options.kinds)
  const report = await askAll(servers, () => generator.question(), { ...options, metrics: METRICS })
  return { ...report, unknown: CALLS.filter(({ name }) => !known.has(name)).map(({ name }) => name) }
}

if (import.meta.main)
  await command({ store: 'process', kinds: 'counter,gauge,odd,classic,native' }, {}, async ({ values, ...asked }) => {
    const report = await runDifferential({ ...asked, kinds: values.kinds.split(',') })
    const { unknown, version } = report
    const notes =
      unknown.length === 0 ? [] : [`  not asked, since ${version} does not know them: ${unknown.join(', ')}`]
    return { report, notes }
  })
