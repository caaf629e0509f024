/**
 * assay against a real Prometheus over the data of test scripts: their own questions, changed at random (`mutate.ts`), must have the
 * same answers, or an entry in `known-changes.ts`.
 *
 *   node --conditions=assay-src test/prometheus/mutations.ts --seed 1 --count 10000 --files DIR [--files DIR] [--only NAME] [--features a,b] [--most N] [--store process]
 *
 * What the other one does not read (newer syntax) is left out, and counted. Exit code 1 when anything differs.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { FEATURES, type Feature } from '#core'
import { EXPERIMENTAL_FUNCTIONS, type Expr, FUNCTIONS, parse } from '#promql'
import type { ServerKind } from './assay-server.ts'
import { command } from './command.ts'
import { type Section, sectionsOf } from './corpus.ts'
import { mapBelow, treeOf } from './expr-tree.ts'
import { Mutator, type Pool } from './mutate.ts'
import { damage, type Question } from './query-generator.ts'
import { print } from './query-tree.ts'
import { askAll, type Report, type RunOptions } from './question-run.ts'
import { Random } from './random.ts'
import { knownFunctions, type Servers, startBoth } from './servers.ts'
import { markerOf, writeSamples } from './write-data.ts'

export type Script = { readonly name: string; readonly text: string }

export type MutationOptions = Omit<RunOptions, 'metrics'> & {
  readonly seed: number
  readonly scripts: readonly Script[]
  readonly features?: readonly string[]
  readonly store?: ServerKind
  /** No more sections than so many, drawn by the seed; absent: all. */
  readonly mostSections?: number
}

export type MutationReport = Report & {
  readonly sections: number
  readonly cases: number
  /** Cases that the other one does not read, by what it says of them. */
  readonly unread: ReadonlyMap<string, number>
}

/** Never compacted: the series stay in the order in which they were met first, and any instant is taken. */
export const ONE_HEAD = ['--storage.tsdb.min-block-duration=100y', '--storage.tsdb.max-block-duration=100y']
const DAY_MS = 86_400_000

export async function runMutations(options: MutationOptions): Promise<MutationReport> {
  const { seed, scripts, features = [], store = 'memory', withinMs = Infinity } = options
  const deadline = performance.now() + withinMs
  const random = new Random(seed)
  const sections = drawn(sectionsOf(scripts), options.mostSections, random)
  await using servers = await startBoth({ features, kind: store, args: ONE_HEAD }, (url) =>
    writeSections(url, sections),
  )
  const unread = new Map<string, number>()
  const pools = await Promise.all(sections.map((section) => poolOf(section, servers, features, unread)))
  const usable = pools.filter(({ expressions }) => expressions.length > 0)
  const experimental = features.includes('promql-experimental-functions')
  const named = [...FUNCTIONS.keys()].filter((name) => experimental || !EXPERIMENTAL_FUNCTIONS.has(name))
  const functions = await knownFunctions(servers.theirs, named)
  const weighted = usable.map((pool) => [Math.sqrt(pool.expressions.length), pool] as const)
  const next = () => {
    const pool = random.weighted(weighted)
    return question(random, pool, new Mutator(random, pool, { functions, experimental }))
  }
  const metrics = [...new Set(pools.flatMap((pool) => pool.metrics))].filter((name) => /^\w+$/.test(name))
  const report = await askAll(servers, next, { ...options, metrics, withinMs: deadline - performance.now() })
  return {
    ...report,
    sections: sections.length,
    cases: sections.reduce((sum, { cases }) => sum + cases.length, 0),
    unread,
  }
}

function drawn(sections: readonly Section[], most: number | undefined, random: Random): readonly Section[] {
  return sections
    .map((section) => ({ section, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, most)
    .map(({ section }) => section)
    .toSorted((a, b) => a.base - b.base)
}

function compareFlat(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((text, i) => text !== b[i])
  return at < 0 ? a.length - b.length : Buffer.compare(Buffer.from(a[at]!), Buffer.from(b[at] ?? ''))
}

export async function writeSections(url: string, sections: readonly Section[]): Promise<void> {
  const all = new Map(sections.flatMap(({ series }) => series).map((one) => [one.labels.key, one]))
  const first = Math.min(...sections.map(({ base }) => base))
  const sorted = [...all.values()].toSorted((a, b) => compareFlat(a.labels.flat, b.labels.flat))
  await writeSamples(
    url,
    sorted.map((one) => markerOf(one, first - DAY_MS)),
  )
  for (const { series } of sections) await writeSamples(url, series)
}

type Case = { readonly expr: Expr; readonly when: Section['cases'][number]['when'] }
type SectionPool = Pool & { readonly cases: readonly Case[]; readonly refused: readonly string[] }

/** What of a section the other one reads too, and what neither does. */
async function poolOf(
  section: Section,
  { theirs }: Servers,
  features: readonly string[],
  unread: Map<string, number>,
): Promise<SectionPool> {
  const { base, spanMs, series } = section
  const names = new Set(FEATURES.filter((one) => features.includes(one)))
  const cases: Case[] = []
  const refused: string[] = []
  for (const { expr: text, when } of section.cases) {
    const why = await refusal(theirs, text)
    const expr = tryParse(text, names)
    if (why === undefined && expr !== undefined) cases.push({ expr: moved(expr, base), when })
    else if (expr === undefined) refused.push(text)
    if (why !== undefined && tryParse(text, ALL_FEATURES) !== undefined) unread.set(why, (unread.get(why) ?? 0) + 1)
  }
  const labels = new Map<string, Set<string>>()
  for (const one of series)
    for (const [name, value] of one.labels) labels.set(name, (labels.get(name) ?? new Set()).add(value))
  const metrics = [...(labels.get('__name__') ?? [])]
  labels.delete('__name__')
  return {
    cases,
    refused,
    expressions: cases.map(({ expr }) => expr),
    metrics,
    labels: new Map([['none', ['']], ...[...labels].map(([name, values]) => [name, [...values]] as const)]),
    base,
    spanMs,
  }
}

const ALL_FEATURES = new Set(FEATURES)

/** What the server says when it can not read this; `undefined`: it can. */
async function refusal(url: string, query: string): Promise<string | undefined> {
  const response = await fetch(`${url}/api/v1/parse_query`, { method: 'POST', body: new URLSearchParams({ query }) })
  const { error } = (await response.json()) as { readonly error?: string }
  return error?.replace(/^.*?parse error: /, '').replace(/ \(\d+:\d+\)$/, '')
}

function tryParse(text: string, features: ReadonlySet<Feature>): Expr | undefined {
  try {
    return parse(text, features)
  } catch {
    return undefined
  }
}

/** The expression with what it says of absolute time moved to where the data lies. */
function moved(expr: Expr, base: number): Expr {
  const move = (one: Expr): Expr => {
    const below = mapBelow(one, move)
    return 'at' in below && below.at?.kind === 'time'
      ? { ...below, at: { kind: 'time', ms: below.at.ms + base } }
      : below
  }
  return move(expr)
}

const MOST_STEPS = 60
/** Beyond this, answers take long and what is wrong is hard to see. */
const LONGEST = 600

function question(random: Random, pool: SectionPool, mutator: Mutator): Question {
  const { when } = random.pick(pool.cases)
  const shift = random.chance(0.5) ? 0 : random.pick([-300, -60, -10, -1, 1, 7, 10, 60, 299, 300, 301, 600]) * 1000
  const start = pool.base + shift + (when.kind === 'instant' ? when.at : when.start)
  const asked = random.chance(0.04)
    ? undefined
    : [0, 1, 2].map(() => treeOf(mutator.expression())).find((tree) => print(tree).length < LONGEST)
  const tree = asked ?? treeOf(random.pick(pool.cases).expr)
  const damaged = random.chance(0.03)
    ? pool.refused.length > 0 && random.chance(0.5)
      ? random.pick(pool.refused)
      : damage(random, tree)
    : undefined
  const texts = damaged === undefined ? {} : { damaged }
  if (when.kind === 'instant' && random.chance(0.7)) return { tree, start, end: start, ...texts }
  const stepMs =
    (when.kind === 'range' && random.chance(0.5) ? when.stepMs : random.pick([10, 15, 60, 150, 300]) * 1000) || 1000
  const lengthMs = when.kind === 'range' ? when.end - when.start : stepMs * random.int(0, 12)
  return { tree, start, end: start + Math.min(lengthMs, MOST_STEPS * stepMs), stepMs, ...texts }
}

/** Scripts of these folders, by their names. */
export function scriptsIn(folders: readonly string[]): readonly Script[] {
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.test'))
      .toSorted()
      .map((name) => ({ name, text: readFileSync(`${folder}/${name}`, 'utf8') })),
  )
}

if (import.meta.main)
  await command(
    { store: 'memory', only: '' },
    { files: ['src/promql/testdata'] },
    async ({ values, lists, ...asked }) => {
      const scripts = scriptsIn(lists['files'] ?? []).filter(({ name }) => name.includes(values.only))
      const report = await runMutations({ ...asked, scripts })
      const unread = [...report.unread].map(([why, count]) => `  ${count} cases left out, ${report.version}: ${why}`)
      return { report, notes: [`  ${report.cases} cases of ${report.sections} sections`, ...unread] }
    },
  )
