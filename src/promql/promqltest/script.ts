/**
 * Reads Prometheus' PromQL test scripts: `load`, `clear`, `eval`, and what is expected of each evaluation.
 *
 * - A command's block ends at the first empty line; comment lines count as empty, as in Prometheus' own reader.
 */
import { parseDuration } from '#core'
import { type DescribedSeries, parseLabels, parseSamples, parseSeries } from '../series-notation.ts'
import { customBucketSeries } from './custom-buckets.ts'
import { type StartOffsets, tryParseStartLine } from './start-notation.ts'

export type Message = { readonly kind: 'msg' | 'regex'; readonly text: string } | undefined

export type Expectation = {
  fail: boolean
  failMessage: Message
  readonly warn: Message[]
  readonly info: Message[]
  noWarn: boolean
  noInfo: boolean
  ordered: boolean
  text: string | undefined
  scalar: number | undefined
  /** The result is a matrix with samples from here, this far apart. */
  range: { readonly start: number; readonly stepMs: number } | undefined
  readonly series: DescribedSeries[]
}

export type When =
  | { readonly kind: 'instant'; readonly at: number }
  | { readonly kind: 'range'; readonly start: number; readonly end: number; readonly stepMs: number }

export type LoadedSeries = DescribedSeries & {
  /** For each sample when its counter began, from the sample's instant on. */
  readonly starts?: StartOffsets
}

export type Command =
  | { readonly kind: 'clear' }
  | { readonly kind: 'load'; readonly stepMs: number; readonly series: readonly LoadedSeries[] }
  | {
      readonly kind: 'eval'
      readonly line: number
      readonly expr: string
      readonly when: When
      readonly expect: Expectation
    }

/** All commands in order. Throws `SyntaxError` with the line. */
export function parseScript(text: string): readonly Command[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .map((line) => (line.startsWith('#') ? '' : line))
  const commands: Command[] = []
  for (let i = 0; i < lines.length; ) {
    const head = lines[i]!
    const first = i + 1
    i++
    if (head === '') continue
    const body: string[] = []
    if (head !== 'clear') while (i < lines.length && lines[i] !== '') body.push(lines[i++]!)
    try {
      commands.push(parseCommand(head, body, first))
    } catch (cause) {
      throw new SyntaxError(`line ${first}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }
  return commands
}

function parseCommand(head: string, body: readonly string[], line: number): Command {
  if (head === 'clear') return { kind: 'clear' }
  const load = /^load(_with_nhcb)?\s+(\S+)$/.exec(head)
  if (load !== null) {
    // A series that is described twice in one load is what its last description says.
    const series = [...new Map(readSeries(body).map((one) => [one.labels.key, one])).values()]
    const custom = load[1] === undefined ? [] : customBucketSeries(series)
    return { kind: 'load', stepMs: parseDuration(load[2]!), series: [...series, ...custom] }
  }
  const parts =
    /^eval(?:_(fail|warn|info|ordered))?\s+(?:instant at (\S+)|range from (\S+) to (\S+) step (\S+))\s+(.+)$/.exec(head)
  if (parts === null) throw new SyntaxError(`not a command: ${head}`)
  const [, mode, at, start, end, step, expr] = parts
  const when: When =
    at === undefined
      ? { kind: 'range', start: instant(start!), end: instant(end!), stepMs: instant(step!) }
      : { kind: 'instant', at: instant(at) }
  const expect: Expectation = {
    fail: mode === 'fail',
    failMessage: undefined,
    warn: mode === 'warn' ? [undefined] : [],
    info: mode === 'info' ? [undefined] : [],
    noWarn: false,
    noInfo: false,
    ordered: mode === 'ordered',
    text: undefined,
    scalar: undefined,
    range: undefined,
    series: [],
  }
  for (const one of body) readExpectation(expect, one)
  return { kind: 'eval', line, expr: expr!, when, expect }
}

/** The lines of a load; start timestamps stand on the line before the samples they belong to. */
function readSeries(body: readonly string[]): readonly LoadedSeries[] {
  const all: LoadedSeries[] = []
  let pending: { readonly series: string; readonly offsets: StartOffsets } | undefined
  let always: StartOffsets | undefined
  for (const line of body) {
    const start = tryParseStartLine(line)
    if (start !== undefined) {
      if (pending !== undefined) throw new SyntaxError(`no samples follow the start timestamps of ${pending.series}`)
      if (start.series === '') always = start.offsets
      else pending = start
      continue
    }
    const series = parseSeries(line)
    all.push(pending === undefined ? withAlways(series, always) : withStarts(series, pending))
    pending = undefined
  }
  if (pending !== undefined) throw new SyntaxError(`no samples follow the start timestamps of ${pending.series}`)
  return all
}

function withStarts(
  series: DescribedSeries,
  { series: text, offsets }: { readonly series: string; readonly offsets: StartOffsets },
): LoadedSeries {
  if (parseLabels(text).labels.key !== series.labels.key)
    throw new SyntaxError(`the start timestamps of ${text} stand before samples of ${series.labels}`)
  if (offsets.length !== series.samples.length)
    throw new SyntaxError(`${offsets.length} start timestamps for ${series.samples.length} samples of ${text}`)
  return { ...series, starts: offsets }
}

function withAlways(series: DescribedSeries, offsets: StartOffsets | undefined): LoadedSeries {
  return offsets === undefined
    ? series
    : { ...series, starts: series.samples.map((_, i) => offsets[i % offsets.length]) }
}

function readExpectation(expect: Expectation, line: string): void {
  const parts = /^expect\s+(fail|warn|info|no_warn|no_info|ordered|string|range vector)\b\s*(.*)$/.exec(line)
  if (parts !== null) {
    readDirective(expect, parts[1]!, parts[2]!)
    return
  }
  const message = /^expected_fail_(message|regexp)\s+(.*)$/.exec(line)
  if (message !== null) {
    expect.failMessage = { kind: message[1] === 'message' ? 'msg' : 'regex', text: message[2]! }
    return
  }
  if (/^[+-]?(\d|\.\d|inf|nan)/i.test(line) && !/\s/.test(line)) {
    const [value] = parseSamples(line)
    if (typeof value === 'number') {
      expect.scalar = value
      return
    }
  }
  expect.series.push(parseSeries(line))
}

function readDirective(expect: Expectation, what: string, rest: string): void {
  const message = /^(msg|regex):\s*(.*)$/.exec(rest)
  const wanted: Message = message === null ? undefined : { kind: message[1] as 'msg' | 'regex', text: message[2]! }
  switch (what) {
    case 'fail':
      expect.fail = true
      expect.failMessage = wanted
      return
    case 'warn':
      expect.warn.push(wanted)
      return
    case 'info':
      expect.info.push(wanted)
      return
    case 'no_warn':
      expect.noWarn = true
      return
    case 'no_info':
      expect.noInfo = true
      return
    case 'ordered':
      expect.ordered = true
      return
    case 'string':
      expect.text = parseLabels(`{x=${rest}}`).labels.get('x')
      return
    default: {
      const [, start, , step] = /^from (\S+) to (\S+) step (\S+)$/.exec(rest)!
      expect.range = { start: instant(start!), stepMs: instant(step!) }
    }
  }
}

/** Durations since the epoch; a plain number is seconds. */
function instant(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const bare = text.replace(/^-/, '')
  return sign * (/^\d+(\.\d+)?$/.test(bare) ? Number(bare) * 1000 : parseDuration(bare))
}
