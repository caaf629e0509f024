/**
 * Random PromQL over the data set, from a seed: every function, operator, matcher and modifier, mostly so that there is an
 * answer, sometimes so that there should be an error.
 *
 * It makes trees, so that a query that fails can be made smaller; a share of the texts is then damaged (`damage`), to compare
 * what is refused. Longer than 400 lines because it is one grammar, whose rules call each other.
 */
import { SPAN_MS, START_MS, STEP_MS } from './data-set.ts'
import { CALLS, EXPERIMENTAL, FITTING } from './functions.ts'
import { NOTHING, node, print, type QueryNode } from './query-tree.ts'
import type { Random } from './random.ts'

export type Features = ReadonlySet<string>

/** A query as it is asked. `tree` is there unless the text was damaged. */
export type Question = {
  readonly tree: QueryNode
  /** Instants in Unix milliseconds; a range when `stepMs` is there. */
  readonly start: number
  readonly end: number
  readonly stepMs?: number
  /** Said to be no PromQL, most likely. */
  readonly damaged?: string
}

type Metric = { readonly name: string; readonly labels: Readonly<Record<string, readonly string[]>> }

const JOB = ['crm', 'mes', 'shop']
const INSTANCE = ['a:1', 'b:2']
const KINDS: Readonly<Record<string, readonly Metric[]>> = {
  counter: [
    { name: 'http_requests_total', labels: { job: JOB, instance: INSTANCE, code: ['200', '404', '500'] } },
    { name: 'http_requests_total', labels: { job: JOB, instance: INSTANCE, code: ['200', '404', '500'] } },
    { name: 'cpu_seconds_total', labels: { job: ['mes'] } },
    { name: 'errors_total', labels: { job: ['shop'] } },
    { name: 'latency_seconds_count', labels: { job: JOB } },
  ],
  gauge: [
    { name: 'temperature', labels: { room: ['hall', 'kiln', 'press', 'store'], floor: ['0', '1'] } },
    { name: 'up', labels: { job: JOB, instance: INSTANCE } },
    { name: 'twin_a', labels: { x: ['1', '2', '10'] } },
    { name: 'twin_b', labels: { x: ['1', '2', '10'] } },
    { name: 'queue.länge', labels: { 'städte.name': ['東京\n😀', 'Köln "am Rhein"'], job: ['mes'] } },
    { name: 'target_info', labels: { job: JOB, instance: INSTANCE, version: ['1.2', '1.10'] } },
    { name: 'build_info', labels: { job: ['shop'] } },
  ],
  odd: [
    {
      name: 'odd',
      labels: {
        kind: 'nan inf negative_inf negative_zero tiny huge large_whole mixed sometimes_nan constant once twice late short flapping unix_time'.split(
          ' ',
        ),
      },
    },
  ],
  classic: [
    { name: 'latency_seconds_bucket', labels: { job: JOB, le: ['0.02', '0.1', '0.5', '1', '5', '+Inf'] } },
    { name: 'latency_seconds_bucket', labels: { job: ['broken', 'mes'] } },
  ],
  native: [
    { name: 'rpc_seconds', labels: { job: JOB, instance: INSTANCE } },
    { name: 'rpc_seconds', labels: { job: JOB, instance: INSTANCE } },
    { name: 'size_bytes', labels: { job: JOB } },
    { name: 'load_distribution', labels: { job: ['crm', 'shop'] } },
    { name: 'half_and_half', labels: { job: JOB } },
    { name: 'empty_histogram', labels: { job: ['shop'] } },
  ],
}
/** Names that are words. */
export const METRICS: readonly string[] = Object.values(KINDS)
  .flatMap((list) => list.map(({ name }) => name))
  .filter((name) => /^\w+$/.test(name))

/** What questions are about, and how often. */
export const ANY_KIND = [
  [30, 'counter'],
  [30, 'gauge'],
  [14, 'odd'],
  [6, 'classic'],
  [20, 'native'],
] as const

/** Numbers that are instants, also far ones. */
const INSTANTS = node('vector', 'odd{kind=~"unix_time|large_whole|constant|late"}')
const LABELS = ['job', 'instance', 'code', 'room', 'floor', 'x', 'le', 'kind', 'version', 'none']
const DURATIONS = ['15s', '30s', '1m', '2m', '5m', '7m', '10m', '90s', '1m30s', '20m', '1h', '61s', '1ms']
const NUMBERS =
  '0 1 2 -1 0.5 3 10 100 1e3 1.5e-3 .25 0x1F 1_000 Inf -Inf NaN +Inf 1e308 5e-324 -0 42 0.1 0.99 86400 1h 90s 017 1700003000'.split(
    ' ',
  )
const QUANTILES = ['0', '0.1', '0.5', '0.9', '0.99', '1', '-0.1', '1.1', 'NaN']
const ARITHMETIC = ['+', '-', '*', '/', '%', '^', 'atan2']
const COMPARISONS = ['==', '!=', '>', '<', '>=', '<=']
const SETS = ['and', 'or', 'unless']
const AGGREGATIONS = ['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar']

export class QueryGenerator {
  readonly #random: Random
  readonly #features: Features
  readonly #calls: typeof CALLS
  readonly #kinds: readonly (readonly [number, string])[]

  /** `calls`: the functions that the server compared with knows. `kinds`: of the data set, those that are asked for. */
  constructor(
    random: Random,
    features: Features,
    calls: typeof CALLS = CALLS,
    kinds: readonly string[] = Object.keys(KINDS),
  ) {
    this.#random = random
    this.#kinds = ANY_KIND.filter(([, kind]) => kinds.includes(kind))
    this.#features = features
    this.#calls = features.has('promql-experimental-functions')
      ? calls
      : // Both must refuse the others: that is seen sometimes, not half of the time.
        calls.flatMap((call) => (EXPERIMENTAL.has(call.name) ? [] : Array.from({ length: 3 }, () => call)))
  }

  question(): Question {
    const random = this.#random
    const tree = random.weighted<() => QueryNode>([
      [80, () => this.vector(random.int(0, 4))],
      [8, () => this.scalar(3)],
      [5, () => this.matrix()],
      [1, () => this.string()],
    ])()
    // Also before the first and behind the last sample, on a scrape and between two.
    const at = START_MS + random.int(-60, SPAN_MS / 1000 + 400) * 1000 + (random.chance(0.3) ? random.int(0, 999) : 0)
    const asked: Question = random.chance(0.6)
      ? { tree, start: at, end: at }
      : { tree, start: at, end: at + random.int(0, 1500) * 1000, stepMs: random.pick([STEP_MS, 60_000, 37_500, 1000]) }
    const bounded =
      asked.stepMs !== undefined && (asked.end - asked.start) / asked.stepMs > 120
        ? { ...asked, end: asked.start + 120 * asked.stepMs }
        : asked
    return random.chance(0.05) ? { ...bounded, damaged: damage(random, tree) } : bounded
  }

  vector(depth: number, kind?: string): QueryNode {
    const random = this.#random
    if (depth <= 0) return this.selector(kind)
    const below = () => this.vector(depth - 1 - (random.chance(0.3) ? 1 : 0), kind)
    return random.weighted<() => QueryNode>([
      [14, () => this.selector(kind)],
      [34, () => this.call(depth)],
      [22, () => this.aggregation(depth, kind)],
      [24, () => this.binary(depth, kind)],
      [3, () => node('vector', random.pick(['-', '+', '- ']), below())],
      [3, () => node('vector', '(', below(), ')')],
    ])()
  }

  selector(kind: string = this.#kind()): QueryNode {
    return node('vector', this.#series(kind), ...this.#modifiers())
  }

  matrix(kind?: string): QueryNode {
    const random = this.#random
    if (random.chance(0.75)) {
      const series = this.#series(kind ?? this.#kind())
      return node('matrix', series, '[', this.#range(), ']', ...this.#modifiers())
    }
    const inner = this.vector(random.int(1, 2), kind)
    const step = random.chance(0.8) ? node('option', random.pick(['15s', '30s', '1m', '7s', '2m'])) : NOTHING
    return node('matrix', '(', inner, ')[', this.#range(), ':', step, ']', ...this.#modifiers())
  }

  scalar(depth = 1): QueryNode {
    const random = this.#random
    if (depth <= 0 || random.chance(0.6)) return node('scalar', random.pick(NUMBERS))
    const below = () => this.scalar(depth - 1)
    return random.weighted<() => QueryNode>([
      [2, () => node('scalar', 'time()')],
      [1, () => node('scalar', 'pi()')],
      [3, () => node('scalar', 'scalar(', this.vector(depth - 1), ')')],
      [4, () => node('scalar', '(', below(), ` ${random.pick(ARITHMETIC)} `, below(), ')')],
      [2, () => node('scalar', '(', below(), ` ${random.pick(COMPARISONS)} bool `, below(), ')')],
      [1, () => node('scalar', '-', below())],
    ])()
  }

  string(): QueryNode {
    return node('string', this.#random.pick(['"text"', "'it\\'s'", '`raw \\ text`', '"\\u00e4\\n"', '"😀"', '""']))
  }

  call(depth: number): QueryNode {
    const random = this.#random
    const { name, signature } = random.pick(this.#calls)
    const fitting = FITTING[name]
    const wanted = fitting?.filter((one) => this.#kinds.some(([, kind]) => kind === one)) ?? []
    const kind = wanted.length > 0 && random.chance(0.75) ? random.pick(wanted) : undefined
    // A histogram that went through `rate` is one still; deeper down it seldom is.
    const vector = () => (kind === undefined ? this.vector(depth - 1) : this.#whole(kind))
    const label = () => JSON.stringify(random.pick(LABELS))
    const call = (...args: readonly (string | QueryNode)[]) =>
      node('vector', `${name}(`, ...args.flatMap((arg, i) => (i === 0 ? [arg] : [', ', arg])), ')')
    switch (signature) {
      case 'v':
        // The sine of a large number that differs in its last digit is any number.
        return call(['sin', 'cos', 'tan'].includes(name) ? this.selector() : vector())
      case 'm':
        return call(this.matrix(kind))
      case 'v?':
        // What Go makes of the date of NaN and of infinities depends on the processor.
        return random.chance(0.2)
          ? call()
          : call(random.chance(0.3) ? INSTANTS : this.#whole(random.pick(['counter', 'gauge'])))
      case 'vss':
        return call(vector(), this.scalar(), this.scalar())
      case 'vs':
        return call(vector(), this.scalar())
      case 'vs?':
        return random.chance(0.5) ? call(vector()) : call(vector(), this.scalar())
      case 'qv':
        return call(this.#quantile(), vector())
      case 'ssv':
        return call(this.scalar(), this.scalar(), vector())
      case 'qm':
        return call(this.#quantile(), this.matrix())
      case 'ms':
        return call(this.matrix('gauge'), this.scalar())
      case 'mff':
        return call(
          this.matrix(),
          random.pick(['0.1', '0.5', '0.9', '1', '0']),
          random.pick(['0.1', '0.5', '0.9', '2']),
        )
      case 's':
        return call(this.scalar(2))
      case 'vl*':
        return call(vector(), ...random.some(LABELS, 0.3).map((one) => JSON.stringify(one)))
      case 'replace': {
        const text = random.pick(['"$1"', '"x-$1"', `"\${1}y"`, '""', '"$name"', '"$2"', '"ü"', '"$$1"'])
        const regex = random.pick(['"(.*)"', '"(.).*"', '"[a-c](.*)"', '"(?P<name>.+)"', '""', '"("', '".*(\\\\d)"'])
        const target = random.pick(['"job"', '"new"', '"__name__"', '"instance"', '"größe"', '"a-b"'])
        return call(vector(), target, text, label(), regex)
      }
      case 'join':
        return call(
          vector(),
          random.pick(['"new"', '"job"', '"__name__"', '"x.y"']),
          random.pick(['"-"', '""', '"😀"']),
          ...random.some(LABELS, 0.3).map((one) => JSON.stringify(one)),
        )
      case 'info':
        return random.chance(0.5)
          ? call(vector())
          : call(vector(), random.pick(['{version=~".+"}', '{region="eu"}', '{__name__="build_info"}', '{none!=""}']))
      case 'quantiles':
        return call(vector(), '"q"', this.#quantile(), this.#quantile())
      default:
        throw new Error(`BUG: a signature that nobody makes calls of: ${signature}`)
    }
  }

  aggregation(depth: number, kind?: string): QueryNode {
    const random = this.#random
    const inner = random.chance(0.4) ? this.#whole(kind ?? this.#kind()) : this.vector(depth - 1, kind)
    const [operator, parameter] = random.weighted<readonly [string, (string | QueryNode)[]]>([
      [16, [random.pick(AGGREGATIONS), []]],
      [3, [random.pick(['topk', 'bottomk']), [random.pick(['1', '2', '3', '0', '-1', '1.7', '100', 'NaN'])]]],
      [2, ['quantile', [this.#quantile()]]],
      [1, ['count_values', [random.pick(['"value"', '"job"', '"ü"'])]]],
      [1, ['limitk', [random.pick(['1', '2', '0', '-1', '5'])]]],
      [1, ['limit_ratio', [random.pick(['0.5', '-0.5', '1', '0', '0.25', '2', '-3'])]]],
    ])
    const grouping = random.chance(0.65)
      ? node('option', ` ${random.pick(['by', 'without'])} (`, ...this.#labelList(), ') ')
      : NOTHING
    // Which of equals is taken is a matter of order, and that of anything but a selector is random in a range query; the last
    // digit of what was calculated would be part of a label.
    const ordered = ['topk', 'bottomk', 'limitk', 'count_values'].includes(operator)
    const args = [...parameter.flatMap((one) => [one, ', ']), ordered ? this.selector(kind) : inner]
    return random.chance(0.7)
      ? node('vector', operator, grouping, '(', ...args, ')')
      : node('vector', operator, '(', ...args, ')', grouping)
  }

  binary(depth: number, kind?: string): QueryNode {
    const random = this.#random
    const operator = random.weighted([
      [5, random.pick(ARITHMETIC)],
      [4, random.pick(COMPARISONS)],
      [3, random.pick(SETS)],
    ])
    const bool = COMPARISONS.includes(operator) && random.chance(0.4) ? node('option', 'bool ') : NOTHING
    const left = () => this.vector(depth - 1, kind)
    if (!SETS.includes(operator) && random.chance(0.35)) {
      return random.chance(0.5)
        ? node('vector', '(', left(), ` ${operator} `, bool, this.scalar(), ')')
        : node('vector', '(', this.scalar(), ` ${operator} `, bool, left(), ')')
    }
    // Two sides out of one metric match more often than two of any.
    const same = random.chance(0.6) ? (kind ?? this.#kind()) : undefined
    const side = () =>
      same === undefined ? left() : random.chance(0.6) ? this.#whole(same) : this.vector(depth - 1, same)
    return node('vector', '(', side(), ` ${operator} `, bool, this.#matching(operator), side(), ')')
  }

  #matching(operator: string): QueryNode {
    const random = this.#random
    if (random.chance(0.45)) return NOTHING
    const on = node('option', random.pick(['on', 'ignoring']), ' (', ...this.#labelList(), ') ')
    if (SETS.includes(operator) || random.chance(0.6)) return on
    const include = random.some(LABELS, 0.1).join(', ')
    return node('option', on, node('option', `${random.pick(['group_left', 'group_right'])} (${include}) `))
  }

  #kind(): string {
    return this.#random.weighted(this.#kinds)
  }

  /** Every series of a metric, without modifiers: what matches and adds up. */
  #whole(kind: string): QueryNode {
    const { name } = this.#random.pick(KINDS[kind]!)
    return node('vector', /^\w+$/.test(name) ? name : `{${JSON.stringify(name)}}`)
  }

  #series(kind: string): QueryNode {
    const random = this.#random
    const { name, labels } = random.pick(KINDS[kind]!)
    const matchers = random
      .some(Object.entries(labels), 0.4)
      .map(([label, values]) => node('option', this.#matcher(label, values), ','))
    if (random.chance(0.05)) matchers.push(node('option', this.#matcher('none', ['x']), ','))
    if (random.chance(0.03))
      return node('other', `{__name__=~"${random.pick(['twin_.*', 'up|odd', 'temp.+', '.*_info', 'rpc.*|up'])}"}`)
    if (!/^\w+$/.test(name)) return node('other', '{', JSON.stringify(name), ',', ...matchers, '}')
    if (random.chance(0.1)) return node('other', `{__name__="${name}",`, ...matchers, '}')
    return matchers.length === 0 ? node('other', name) : node('other', `${name}{`, ...matchers, '}')
  }

  #matcher(label: string, values: readonly string[]): string {
    const random = this.#random
    const value = random.pick(values)
    const name = /^\w+$/.test(label) ? label : JSON.stringify(label)
    return random.weighted([
      [6, `${name}=${JSON.stringify(value)}`],
      [3, `${name}!=${JSON.stringify(value)}`],
      [4, `${name}=~"${random.pick(['.*', '.+', '[a-m].*', 'crm|mes', '(?i)SHOP|HALL|NAN', '4..|500', '.', ''])}"`],
      [2, `${name}!~"${random.pick(['', 'a.*', 'crm', '.*[0-9]', '(inf|nan)'])}"`],
      [1, `${name}=""`],
      [1, `${name}!=""`],
    ])
  }

  #labelList(): (string | QueryNode)[] {
    return this.#random.some(LABELS, 0.2).map((label) => node('option', label, ','))
  }

  #range(): string {
    const random = this.#random
    if (this.#features.has('promql-duration-expr') && random.chance(0.2))
      return random.pick(['1m + 30s', '5m / 2', '2 * 1m', '(1m - 30s) * 3', '10m % 4m', '60 ^ 1', '-(-5m)', '1m - 2m'])
    return random.chance(0.03) ? random.pick(['0s', '300', '5', '1d', '-1m', '5m1', '0.5']) : random.pick(DURATIONS)
  }

  #quantile(): QueryNode {
    const random = this.#random
    return random.chance(0.85) ? node('scalar', random.pick(QUANTILES)) : this.scalar()
  }

  #modifiers(): QueryNode[] {
    const random = this.#random
    const offset = random.chance(0.12)
      ? node('option', ` offset ${random.chance(0.2) ? '-' : ''}${random.pick(DURATIONS)}`)
      : NOTHING
    const at = random.chance(0.08)
      ? node(
          'option',
          ` @ ${random.pick(['start()', 'end()', String(START_MS / 1000 + random.int(0, 3000)), '1700003600.5', '0', '-1'])}`,
        )
      : NOTHING
    return random.chance(0.5) ? [offset, at] : [at, offset]
  }
}

/** The text of a query, damaged: a piece gone, doubled, put in or exchanged. Some of it is PromQL still. */
export function damage(random: Random, tree: QueryNode): string {
  const text = print(tree)
  const pieces = text.match(/\w+|\s+|[^\w\s]/gu) ?? []
  const at = random.int(0, Math.max(0, pieces.length - 1))
  const strange = [
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '=',
    '!',
    '"',
    "'",
    '`',
    '@',
    'offset',
    'by',
    'bool',
    'on',
    '5m',
    '#',
    '\\',
    '😀',
    '$',
    '==',
    '=~',
    'inf',
    '\u0000',
  ]
  switch (random.int(0, 4)) {
    case 0:
      return pieces.toSpliced(at, 1).join('')
    case 1:
      return pieces.toSpliced(at, 0, pieces[at] ?? '').join('')
    case 2:
      return pieces.toSpliced(at, 0, random.pick(strange)).join('')
    case 3:
      return pieces.slice(0, at).join('')
    default:
      return pieces.toSpliced(at, 1, random.pick(strange)).join('')
  }
}
