/** A random life of one target, scraped with what is known of its last page and without: both have to leave the same. */
import assert from 'node:assert/strict'
import { Labels, matcher, messageOf, type Random, unixMs } from '#core'
import { dump, memoryStore, type Store } from '#storage'
import { PageRecorder } from './page-recorder.ts'
import { noCounts } from './record-page.ts'
import { DEFAULT_RELABEL } from './scrape.test-support.ts'
import { ScrapeTotals } from './scrape-totals.ts'
import { TargetMemory } from './target-memory.ts'
import type { Target } from './types.ts'

/** Scrapes of a life. */
export const LIFE_PAGES = 12

const TEXT = 'text/plain; version=0.0.4'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0'

const target: Target = {
  pool: 'p',
  labels: Labels.of({ job: 'p', instance: 'i:1' }),
  discoveredLabels: Labels.empty,
  url: '',
  intervalMs: 1000,
  timeoutMs: 1000,
  honorLabels: false,
  honorTimestamps: true,
  metricRelabelConfigs: [{ ...DEFAULT_RELABEL, action: 'drop', sourceLabels: ['x'], regex: '7|gone' }],
  limits: { samples: 30, labelValueLength: 12 },
  read: async () => ({ body: '', contentType: '' }),
}

/** Spelled out after each page: the parser alone. */
class PlainMemory extends TargetMemory {
  override settle(): void {}
  override takeFirst(): boolean {
    return false
  }
}

/** One target with its own store; `taken` tells what each scrape came to. */
class World {
  readonly store: Store = memoryStore()
  readonly totals = new ScrapeTotals()
  readonly taken: unknown[] = []
  readonly memory: TargetMemory
  #target = target
  #recorder: PageRecorder

  constructor(memory: TargetMemory) {
    this.memory = memory
    this.#recorder = this.#make()
  }

  change(more: Partial<Target>): void {
    this.#target = { ...this.#target, ...more }
    this.memory.settingsChanged()
    this.#recorder = this.#make()
  }

  async scrape(page: { readonly body: string; readonly contentType: string } | undefined, at: number): Promise<void> {
    const counts = noCounts()
    let reason = 'failed'
    if (page !== undefined) {
      try {
        const finish = (batch: { commit(): { appended: number } }) => {
          this.taken.push(batch.commit())
          return true
        }
        await this.#recorder.record(page, { target: this.#target, at: unixMs(at), counts, finish })
        reason = ''
      } catch (thrown) {
        reason = messageOf(thrown)
      }
    }
    if (reason !== '') {
      using batch = this.store.appender()
      this.memory.end(batch, unixMs(at))
      batch.commit()
    }
    this.taken.push([reason, { ...counts }])
  }

  #make(): PageRecorder {
    const { store, totals } = this
    const turn = async () => true
    return new PageRecorder({ store, totals, turn, features: new Set(), exemplars: undefined }, this.memory)
  }
}

const VALUES = ['1', '0', '-0', '17', '3.25', '-2.5e-3', '123456789012345678', '0.12345678901234567', 'NaN', '+Inf']
const SERIES = [
  ...Array.from({ length: 10 }, (_, x) => `m{x="${x}",y="1"}`),
  ...['1', '0.5', '+Inf'].map((le) => `h_bucket{le="${le}"}`),
  ...['m{y="1",x="3"}', 'h_sum', 'bare', 'm{job="inner",x="a"}', 'm{x="gone"}', '{"quoted name",x="1"}'],
]
const STRANGE = ['m{x="a very long value"}', 'm{x="1",x="2"}', 'm{', '9m', 'm{x="\\n"}', 'new{x="b"}']
const COMMENTS = ['# TYPE h histogram', '# TYPE m counter', '# HELP m What.', '# TYPE bare gauge', '# HELP bare Bare.']

type Line = string

function numberText({ int, pick }: Random): string {
  return int(3) === 0 ? pick(VALUES) : String(int(100_000) / 8)
}

/** A line with its value left open, as `%`. */
function lineOf({ int, pick }: Random): Line {
  if (int(60) === 0) return `${pick(STRANGE)} %`
  if (int(80) === 0) return `${pick(SERIES)} % ${pick(['1000', '5', 'x'])}`
  if (int(10) === 0) return pick(COMMENTS)
  return `${pick(SERIES)} %`
}

function edited(lines: readonly Line[], random: Random): Line[] {
  const { int } = random
  // What makes a page odd does not stay for ever.
  const isOdd = (line: Line, i: number) =>
    !/^(#|[^ ]+ %$)/.test(line) || STRANGE.some((odd) => line.startsWith(odd)) || lines.indexOf(line) !== i
  const next = int(2) === 0 ? lines.filter((line, i) => !isOdd(line, i)) : [...lines]
  for (let n = int(3) > 0 ? 0 : int(4); n > 0; n--) {
    const at = int(next.length + 1)
    const how = int(6)
    if (how === 0) next.splice(at, 0, lineOf(random))
    else if (how === 1) next.splice(at, 1)
    else if (how === 2) next.splice(at, 1, lineOf(random))
    else if (how === 3) next.splice(at, int(5))
    else if (how === 4) next.splice(int(next.length + 1), 0, ...next.splice(at, 1 + int(2)))
    else if (next[at] !== undefined) next.splice(at, 0, next[at])
  }
  return next
}

function bodyOf(lines: readonly Line[], openMetrics: boolean, random: Random): string {
  const { int, pick } = random
  const exemplar = int(10) === 0 && openMetrics
  const text = lines
    .map(
      (line) =>
        `${line.replace('%', numberText(random))}${exemplar && !line.startsWith('#') && int(3) === 0 ? ' # {t="1"} 1' : ''}\n`,
    )
    .join('')
  const whole = `${text}${openMetrics ? '# EOF\n' : ''}`
  if (int(40) === 0) return whole.slice(0, int(whole.length + 1))
  return int(40) === 0 && !openMetrics ? whole.replaceAll('\n', pick(['\n\n', ' \n', '\r\n'])) : whole
}

/** Throws where the two differ, sample by sample or count by count. Returns how many pages were known by their bytes. */
export async function live(random: Random): Promise<number> {
  const { int, pick } = random
  const worlds = [new World(new TargetMemory()), new World(new PlainMemory())] as const
  const openMetrics = int(2) === 0
  // A page of distinct series in some order: what a target begins with.
  let lines: Line[] = SERIES.filter((series) => series !== 'm{y="1",x="3"}')
    .sort(() => int(3) - 1)
    .slice(0, 1 + int(SERIES.length))
    .map((series) => `${series} %`)
  if (int(2) === 0) lines.splice(int(lines.length), 0, pick(COMMENTS))
  for (let turn = 0; turn < LIFE_PAGES; turn++) {
    if (int(15) === 0) {
      const more = pick([{ honorLabels: true }, { honorLabels: false }, { metricRelabelConfigs: [] }, { limits: {} }])
      for (const world of worlds) world.change(more)
    }
    lines = edited(lines, random)
    const contentType = openMetrics !== (int(50) === 0) ? OPEN_METRICS : TEXT
    const page = int(15) === 0 ? undefined : { body: bodyOf(lines, openMetrics, random), contentType }
    for (const world of worlds) await world.scrape(page, 1_000_000 + turn * 1000)
    assert.deepEqual(worlds[0].taken, worlds[1].taken, page?.body ?? 'no page')
  }
  const all = [matcher('__name__', '!=', '')]
  assert.deepEqual(dump(worlds[0].store, all, 0, 2e6), dump(worlds[1].store, all, 0, 2e6))
  return worlds[0].totals.pagesKnown
}
