/**
 * The agent beside its peers, in one run and one table.
 *
 *     node --conditions=assay-src bench/agent/index.ts [requests lifetime scrape record memory] [--full] [--json] [--page]
 *     node --conditions=assay-src bench/agent/index.ts requests --full --kinds express --ways off,agent
 *     node --conditions=assay-src bench/agent/index.ts scrape --lines 100000 --by agent --format protobuf
 *
 * Quick by default: some four minutes, for a look at what changed. `--full` takes the better part of an hour; figures that are published
 * come from a quiet machine with it. `--json` writes bench/results/agent.json, `--page` the tables of
 * docs/reference/performance.md. Services run the agent as it is published: it is built first (agent/dist), unless BENCH_SOURCE=1
 * (the sources) or BENCH_DIST=folder (a build that is there).
 * `--kinds` and `--ways` measure requests of these alone (ways.ts; a comma within a name is followed by a space), `--generations` with so
 * many processes one after the other, `--seed` in the order of an earlier run, `--default-heap` with the young generation as V8 sizes it.
 * `--lines` measures pages of so many lines alone, `--by` these stores alone (prom-client, OpenTelemetry, drop-in, agent; separated by
 * commas), `--format` the agent's pages in that format (text, openmetrics, protobuf).
 *
 * Beside it: pairs.ts (attached and detached in one process: the finest figure of a request's cost), users.ts, start.ts, idle.ts,
 * blocked.ts.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { measureLifetime, tellLifetime } from './lifetime.ts'
import { installPeers, requirePeer } from './peers.ts'
import { measureRequests, type RequestOptions, tellRequests } from './requests.ts'
import { CONTENDERS, FORMATS } from './store-contenders.ts'
import {
  measureMemory,
  measureRecording,
  measureScrapes,
  type StoreOptions,
  tellMemory,
  tellRecording,
  tellScrapes,
} from './stores.ts'
import { BUILT, IS_PUBLISHED, KINDS, WAYS } from './ways.ts'

type Options = StoreOptions & RequestOptions
type Part = {
  readonly title: string
  /** Whether it runs services. */
  readonly hasServices: boolean
  readonly measure: (options: Options) => Promise<{ readonly figures: unknown; readonly told: string }>
}

const told =
  <T>(measure: (options: Options) => Promise<T>, tell: (figures: T) => string): Part['measure'] =>
  async (options) => {
    const figures = await measure(options)
    return { figures, told: tell(figures) }
  }

const PARTS: Readonly<Record<string, Part>> = {
  requests: {
    title: 'A request, saturated',
    hasServices: true,
    measure: told(measureRequests, tellRequests),
  },
  lifetime: {
    title: 'Start-up and idleness',
    hasServices: true,
    measure: told(
      ({ isFull }) => measureLifetime(isFull, isFull ? ['plain', 'express', 'fastify'] : ['plain']),
      tellLifetime,
    ),
  },
  scrape: {
    title: 'A page, on the thread that makes it',
    hasServices: false,
    measure: told(measureScrapes, tellScrapes),
  },
  record: { title: 'Recording', hasServices: false, measure: told(measureRecording, tellRecording) },
  memory: { title: 'Memory', hasServices: false, measure: told(measureMemory, tellMemory) },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    kinds: { type: 'string' },
    ways: { type: 'string' },
    generations: { type: 'string' },
    seed: { type: 'string' },
    'default-heap': { type: 'boolean', default: false },
    lines: { type: 'string' },
    by: { type: 'string' },
    format: { type: 'string', default: 'text' },
  },
})
const unknown = positionals.filter((name) => PARTS[name] === undefined)
if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)
const chosen = Object.entries(PARTS).filter(([name]) => positionals.length === 0 || positionals.includes(name))
const by = values.by?.split(',')
const stranger = by?.find((one) => !CONTENDERS.some((who) => who === one))
if (stranger !== undefined) throw new Error(`no store ${stranger}; there are ${CONTENDERS.join(', ')}`)
const format = FORMATS.find((one) => one === values.format)
if (format === undefined) throw new Error(`no format ${values.format}; there are ${FORMATS.join(', ')}`)
const lines = values.lines === undefined ? undefined : Number(values.lines)
if (lines !== undefined && !(Number.isInteger(lines) && lines > 0)) throw new Error('--lines wants a number: 100000')
const kinds = chosenOf('kinds', KINDS)
const ways = chosenOf('ways', WAYS)
const generations = values.generations === undefined ? undefined : Number(values.generations)
if (generations !== undefined && !(Number.isInteger(generations) && generations > 0))
  throw new Error('--generations wants a number: 40')
const seed = Number(values.seed ?? Date.now() % 1_000_000)
if (!Number.isInteger(seed)) throw new Error('--seed wants a number, as an earlier run has printed it')

await installPeers()
if (IS_PUBLISHED && BUILT === undefined && chosen.some(([, { hasServices }]) => hasServices)) {
  const build = join(import.meta.dirname, '../../scripts/build-agent.ts')
  await promisify(execFile)(process.execPath, [
    '--conditions=assay-src',
    '--disable-warning=ExperimentalWarning',
    build,
  ])
}
const about = {
  at: new Date().toISOString(),
  node: process.version,
  processors: `${availableParallelism()} of ${cpus()[0]?.model ?? 'unknown'}`,
  load: loadavg()[0],
  agent: IS_PUBLISHED ? 'published' : 'source',
  seed,
  peers: Object.fromEntries(
    Object.keys((requirePeer('./package.json') as { dependencies: object }).dependencies).map((name) => [
      name,
      versionOf(name),
    ]),
  ),
}
console.log(
  `Node ${about.node}, ${about.processors}, load ${about.load?.toFixed(1)}; the agent from ${about.agent}; seed ${seed}\n`,
)
const results: Record<string, unknown> = {}
const tables: string[] = []
for (const [name, { title, measure }] of chosen) {
  const { figures, told: text } = await measure({
    isFull: values.full,
    lines,
    format,
    by: CONTENDERS.filter((who) => by === undefined || by.includes(who)),
    kinds,
    ways,
    generations,
    hasDefaultHeap: values['default-heap'],
    seed,
  })
  results[name] = figures
  console.log(`${title}\n\n${text}\n`)
  tables.push(`**${title}**\n\n${text}`)
}
if (values.json) {
  const folder = join(import.meta.dirname, '../results')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'agent.json'), `${JSON.stringify({ about, ...results }, undefined, 2)}\n`)
}

if (values.page) {
  const page = join(import.meta.dirname, '../../docs/reference/performance.md')
  const text = await readFile(page, 'utf8')
  const [begin, end] = ['<!-- agent: figures -->\n', '<!-- agent: end -->']
  const peers = Object.entries(about.peers).map(([name, version]) => `${name} ${version}`)
  const head = `${about.at.slice(0, 10)}, Node ${about.node}, ${about.processors}, load ${about.load?.toFixed(1)}; ${peers.join(', ')}.`
  const [before = '', rest = ''] = text.split(begin)
  const after = rest.slice(rest.indexOf(end))
  await writeFile(page, `${before}${begin}\n${[head, ...tables].join('\n\n')}\n\n${after}`)
}

/** What an option names, separated by commas; all when it is not given. */
function chosenOf<T extends string>(option: 'kinds' | 'ways', all: readonly T[]): readonly T[] {
  const named = values[option]?.split(/,(?! )/)
  const stranger = named?.find((one) => !all.some((known) => known === one))
  if (stranger !== undefined) throw new Error(`--${option}: no ${stranger}; there are ${all.join(' | ')}`)
  return all.filter((one) => named === undefined || named.includes(one))
}

function versionOf(name: string): string {
  return (requirePeer(`./node_modules/${name}/package.json`) as { version: string }).version
}
