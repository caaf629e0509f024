/**
 * A strict reader of what the agent writes: what is not exactly the format is an error, so that a test cannot pass by leniency.
 *
 * Reads Prometheus text 0.0.4 and OpenMetrics 1.0 as far as the agent uses them: no timestamps, no exemplars.
 */
import assert from 'node:assert/strict'
import type { TextFormat as Format } from '../exposition/text-page.ts'

export type ParsedSample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}
export type ParsedFamily = { readonly help: string; readonly type: string; readonly samples: readonly ParsedSample[] }

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=[a-zA-Z_])|$)/y

export function parsePage(text: string, format: Format): Map<string, ParsedFamily> {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line is ended')
  const lines = text.split('\n').slice(0, -1)
  if (format === 'openmetrics') assert.equal(lines.pop(), '# EOF')
  const families = new Map<string, { help: string; type: string; samples: ParsedSample[] }>()
  const seen = new Set<string>()
  let current: { help: string; type: string; samples: ParsedSample[] } | undefined
  let family = ''
  for (const line of lines) {
    const head = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line)
    if (head !== null) {
      const [, what, name = '', rest = ''] = head
      if (what === 'HELP') {
        assert.ok(!families.has(name), `${name} is told once`)
        current = { help: rest, type: '', samples: [] }
        family = name
        families.set(name, current)
      } else {
        assert.equal(name, family, 'TYPE follows HELP')
        assert.match(
          rest,
          format === 'openmetrics'
            ? /^(counter|gauge|histogram|summary|unknown)$/
            : /^(counter|gauge|histogram|summary)$/,
        )
        current!.type = rest
      }
      continue
    }
    const sample = parseSample(line)
    assert.ok(!seen.has(line.slice(0, line.lastIndexOf(' '))), `${line} is told once`)
    seen.add(line.slice(0, line.lastIndexOf(' ')))
    const suffixes = suffixesOf(current?.type ?? '', format)
    assert.ok(
      suffixes.some((suffix) => sample.name === family + suffix),
      `${sample.name} belongs to ${family} (${current?.type})`,
    )
    current!.samples.push(sample)
  }
  for (const [name, { type, samples }] of families) if (type === 'histogram') checkHistogram(name, samples)
  return families
}

/** The value of the one sample with that name that has all these labels; undefined when there is none. */
export function valueAt(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const found = samplesOf(text, name, labels)
  assert.ok(found.length < 2, `${name} ${JSON.stringify(labels)} names ${found.length} series`)
  return found[0]?.value
}

export function samplesOf(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): readonly ParsedSample[] {
  return [...parsePage(text, 'text').values()]
    .flatMap(({ samples }) => samples)
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
}

function parseSample(line: string): ParsedSample {
  const [, name = '', labels, value = ''] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s.exec(line) ?? []
  assert.notEqual(name, '', `not a sample: ${line}`)
  return { name, labels: labels === undefined ? {} : parseLabels(labels), value: parseValue(value) }
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name = '', value = ''] = LABEL.exec(text) ?? []
    assert.notEqual(name, '', `not labels: ${text}`)
    assert.ok(!(name in labels), `${name} is given once`)
    labels[name] = value.replace(/\\(.)/gs, (_all, one: string) => (one === 'n' ? '\n' : one))
  }
  return labels
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  if (text === 'NaN') return Number.NaN
  assert.match(text, /^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/)
  return Number(text)
}

function suffixesOf(type: string, format: Format): readonly string[] {
  if (type === 'histogram') return ['_bucket', '_sum', '_count']
  if (type === 'summary') return ['', '_sum', '_count']
  return type === 'counter' && format === 'openmetrics' ? ['_total'] : ['']
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  let before = 0
  for (const { name: sample, labels, value } of samples) {
    if (sample === `${name}_bucket`) {
      assert.ok(value >= before, `${name}: buckets are cumulative`)
      before = value
      if (labels['le'] !== '+Inf') assert.ok(Number.isFinite(Number(labels['le'])))
    } else if (sample === `${name}_count`) {
      assert.equal(value, before, `${name}: the count is the last bucket`)
      before = 0
    }
  }
}
