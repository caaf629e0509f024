/**
 * The agent beside its peers, in one run and one table.
 *
 *     node --conditions=assay-src bench/agent/index.ts [requests lifetime scrape record memory] [--full] [--json] [--page]
 *
 * Quick by default: some four minutes, for a look at what changed. `--full` takes the better part of an hour; figures that are published
 * come from a quiet machine with it. `--json` writes bench/results/agent.json, `--page` the tables of
 * docs/reference/performance.md. Services run the agent as it is published: it is built
 * first (agent/dist), unless BENCH_SOURCE=1.
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
import { measureRequests, tellRequests } from './requests.ts'
import { measureMemory, measureRecording, measureScrapes, tellMemory, tellRecording, tellScrapes } from './stores.ts'
import { IS_PUBLISHED } from './ways.ts'

type Part = {
  readonly title: string
  readonly measure: (isFull: boolean) => Promise<{ readonly figures: unknown; readonly told: string }>
}

const told =
  <T>(measure: (isFull: boolean) => Promise<T>, tell: (figures: T) => string): Part['measure'] =>
  async (isFull) => {
    const figures = await measure(isFull)
    return { figures, told: tell(figures) }
  }

const PARTS: Readonly<Record<string, Part>> = {
  requests: { title: 'A request, saturated', measure: told((isFull) => measureRequests(isFull), tellRequests) },
  lifetime: {
    title: 'Start-up and idleness',
    measure: told(
      (isFull) => measureLifetime(isFull, isFull ? ['plain', 'express', 'fastify'] : ['plain']),
      tellLifetime,
    ),
  },
  scrape: { title: 'A page, on the thread that makes it', measure: told(measureScrapes, tellScrapes) },
  record: { title: 'Recording', measure: told(measureRecording, tellRecording) },
  memory: { title: 'Memory', measure: told(measureMemory, tellMemory) },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => PARTS[name] === undefined)
if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)

await installPeers()
if (IS_PUBLISHED) {
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
  peers: Object.fromEntries(
    Object.keys((requirePeer('./package.json') as { dependencies: object }).dependencies).map((name) => [
      name,
      versionOf(name),
    ]),
  ),
}
console.log(`Node ${about.node}, ${about.processors}, load ${about.load?.toFixed(1)}; the agent from ${about.agent}\n`)
const results: Record<string, unknown> = {}
const tables: string[] = []
for (const [name, { title, measure }] of Object.entries(PARTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const { figures, told: text } = await measure(values.full)
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

function versionOf(name: string): string {
  return (requirePeer(`./node_modules/${name}/package.json`) as { version: string }).version
}
