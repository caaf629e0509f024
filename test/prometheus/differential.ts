/**
 * assay against a real Prometheus: the same data, the same random questions, the same answers, or an entry in `known-changes.ts`.
 *
 *   node --conditions=assay-src test/prometheus/differential.ts --seed 1 --count 10000 [--features a,b] [--most N] [--store memory] [--kinds a,b]
 *
 * What differs is made smaller until nothing can be left out any more, and printed with its seed and both answers. Exit code 1.
 */
import { parseArgs } from 'node:util'
import { peersMissing } from '../support/prometheus3.ts'
import type { ServerKind } from './assay-server.ts'
import { dataSet } from './data-set.ts'
import { CALLS } from './functions.ts'
import { METRICS, QueryGenerator } from './query-generator.ts'
import { askAll, describe, type Report, type RunOptions, summary } from './question-run.ts'
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

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '1000' },
      most: { type: 'string', default: '30' },
      features: { type: 'string', default: '' },
      store: { type: 'string', default: 'process' },
      kinds: { type: 'string', default: 'counter,gauge,odd,classic,native' },
    },
  })
  const missing = await peersMissing()
  if (missing !== false) {
    process.stderr.write(`${missing}\n`)
    process.exit(2)
  }
  const seed = Number(values.seed)
  const report = await runDifferential({
    seed,
    count: Number(values.count),
    most: Number(values.most),
    kinds: values.kinds.split(','),
    store: values.store === 'memory' ? 'memory' : 'process',
    features: values.features.split(',').filter((name) => name !== ''),
    tell: (found) => void process.stdout.write(`${describe(found, `seed ${seed}`)}\n`),
  })
  process.stdout.write(`${summary(report)}\n`)
  if (report.unknown.length > 0)
    process.stdout.write(`  not asked, since ${report.version} does not know them: ${report.unknown.join(', ')}\n`)
  process.exitCode = report.found.length > 0 ? 1 : 0
}
