/**
 * Changes PromQL expressions at random: another function, operator, modifier, matcher, range, grouping; something around a part
 * of it, or a part of another expression in its place. What comes out has the right types, and mostly an answer.
 *
 * Long because it is one grammar, whose changes call each other.
 */
import { type Matcher, matcher } from '#core'
import {
  AGGREGATOR_PARAMS,
  AGGREGATORS,
  type Expr,
  FUNCTIONS,
  typeOf,
  type ValueType,
  type VectorSelector,
  walk,
} from '#promql'
import { mapBelow } from './expr-tree.ts'
import type { Random } from './random.ts'

type Kind<K extends Expr['kind']> = Extract<Expr, { kind: K }>
type Modifiers = Pick<VectorSelector, 'offset' | 'at'>

/** What may be put into an expression: all of it about the same data. */
export type Pool = {
  readonly expressions: readonly Expr[]
  /** Names of metrics, and values of each label. */
  readonly metrics: readonly string[]
  readonly labels: ReadonlyMap<string, readonly string[]>
  /** Unix milliseconds of the data's begin, and how long it is. */
  readonly base: number
  readonly spanMs: number
}

export type Allowed = { readonly functions: ReadonlySet<string>; readonly experimental: boolean }

const NOWHERE = { start: 0, end: 0 }
const ARITHMETIC = ['+', '-', '*', '/', '%', '^', 'atan2'] as const
const COMPARISONS = ['==', '!=', '>', '<', '>=', '<='] as const
const SETS = ['and', 'or', 'unless'] as const
const NUMBERS = [0, 1, 2, -1, 0.5, 3, 0.9, 10, 100, 1e9, Number.NaN, Infinity, -Infinity, -0, 60]
const SECONDS = [1, 5, 10, 30, 60, 90, 120, 180, 300, 301, 600, 900, 1200, 3000, 3600, 7200]
const STEPS = [1, 5, 10, 30, 60, 150, 300, 600]

export class Mutator {
  readonly #random: Random
  readonly #pool: Pool
  readonly #allowed: Allowed

  constructor(random: Random, pool: Pool, allowed: Allowed) {
    this.#random = random
    this.#pool = pool
    this.#allowed = allowed
  }

  /** An expression of the pool, changed once to four times. */
  expression(): Expr {
    const random = this.#random
    let expr = random.pick(this.#pool.expressions)
    const changes = random.weighted([
      [4, 1],
      [4, 2],
      [2, 3],
      [1, 4],
    ])
    for (let i = 0; i < changes; i++) expr = this.#changed(expr)
    return expr
  }

  #changed(expr: Expr): Expr {
    const random = this.#random
    const target = random.pick([...walk(expr)].filter((one) => one.kind !== 'string'))
    // The selector of a range is changed where it stands; nothing else can stand there.
    const inRange = [...walk(expr)].some((one) => one.kind === 'matrix-selector' && one.selector === target)
    const replacement =
      inRange && target.kind === 'vector-selector'
        ? this.#selector(target)
        : random.weighted<() => Expr>([
            [6, () => this.#inPlace(target)],
            [3, () => this.#around(target)],
            [2, () => this.#other(target)],
            [1, () => this.#smaller(target)],
          ])()
    return replaced(expr, target, replacement)
  }

  /** The same kind of thing, with something else in it. */
  #inPlace(expr: Expr): Expr {
    const random = this.#random
    switch (expr.kind) {
      case 'number':
        return number(random.chance(0.3) ? expr.value * random.pick([2, 0.5, -1, 1.1]) : random.pick(NUMBERS))
      case 'vector-selector':
        return this.#selector(expr)
      case 'matrix-selector':
        return random.chance(0.5)
          ? { ...expr, range: seconds(random.pick(SECONDS)) }
          : { ...expr, selector: this.#selector(expr.selector) }
      case 'subquery':
        return random.weighted<() => Expr>([
          [2, () => ({ ...expr, range: seconds(random.pick(SECONDS)) })],
          [2, () => ({ ...expr, step: seconds(random.pick(STEPS)) })],
          [1, () => this.#modified(expr)],
        ])()
      case 'call':
        return this.#call(expr)
      case 'aggregate':
        return this.#aggregate(expr)
      case 'binary':
        return this.#binary(expr)
      case 'unary':
        return { ...expr, op: expr.op === '-' ? '+' : '-' }
      case 'paren':
      case 'string':
        return expr
      default:
        return expr satisfies never
    }
  }

  #selector(selector: VectorSelector): VectorSelector {
    const random = this.#random
    return random.weighted<() => VectorSelector>([
      [3, () => this.#modified(selector)],
      [3, () => withMatchers(selector, this.#matchers(selector.matchers))],
      [
        2,
        () => {
          const name = random.pick(this.#pool.metrics)
          const others = selector.matchers.filter((one) => one.name !== '__name__')
          return withMatchers(selector, [matcher('__name__', '=', name), ...others])
        },
      ],
      [1, () => withMatchers(selector, [this.#nameMatcher()])],
    ])()
  }

  #matchers(matchers: readonly Matcher[]): readonly Matcher[] {
    const random = this.#random
    const names = matchers.filter(({ name }) => name === '__name__')
    const others = matchers.filter(({ name }) => name !== '__name__')
    if (others.length > 0 && random.chance(0.4)) return [...names, ...others.slice(1)]
    const name = random.pick([...this.#pool.labels.keys()])
    const value = random.pick(this.#pool.labels.get(name) ?? [''])
    const one = random.weighted<() => Matcher>([
      [3, () => matcher(name, '=', value)],
      [2, () => matcher(name, '!=', value)],
      [1, () => matcher(name, '=~', random.pick(['.+', '.*', '', 'a.*|.*1']))],
      [1, () => matcher(name, '!~', random.pick(['.+', '', '.*[0-9].*']))],
    ])()
    return [...names, ...others, one]
  }

  #nameMatcher(): Matcher {
    const random = this.#random
    const some = random.some(this.#pool.metrics, 0.4)
    const names = some.length > 0 ? some : [random.pick(this.#pool.metrics)]
    return matcher('__name__', '=~', names.map((name) => name.replace(/[^\w:]/g, '.')).join('|'))
  }

  #modified<T extends Modifiers>(expr: T): T {
    const random = this.#random
    const { offset: _, at: __, ...plain } = expr
    const next: Modifiers = random.weighted<() => Modifiers>([
      [2, () => ({ offset: seconds(random.pick(SECONDS) * (random.chance(0.2) ? -1 : 1)) })],
      [
        2,
        () => ({ at: { kind: 'time', ms: this.#pool.base + random.int(-60, this.#pool.spanMs / 1000 + 120) * 1000 } }),
      ],
      [1, () => ({ at: { kind: random.pick(['start', 'end'] as const) } })],
      [1, () => ({})],
    ])()
    return { ...(plain as unknown as T), ...next }
  }

  #call(expr: Kind<'call'>): Expr {
    const random = this.#random
    const doc = FUNCTIONS.get(expr.name)
    const types = expr.args.map(typeOf)
    const fitting = [...FUNCTIONS.values()].filter(
      (other) =>
        this.#allowed.functions.has(other.name) &&
        other.returns === doc?.returns &&
        other.name !== expr.name &&
        takes(other, types),
    )
    return fitting.length === 0 ? expr : { ...expr, name: random.pick(fitting).name }
  }

  #aggregate(expr: Kind<'aggregate'>): Expr {
    const random = this.#random
    return random.weighted<() => Expr>([
      [3, () => ({ ...expr, grouping: this.#labelList() })],
      [1, () => ({ ...expr, without: !expr.without })],
      [4, () => this.#aggregation(expr.expr, expr)],
    ])()
  }

  #aggregation(expr: Expr, like?: Kind<'aggregate'>): Expr {
    const random = this.#random
    const allowed = AGGREGATORS.filter((one) => this.#allowed.experimental || !one.startsWith('limit'))
    const op = random.pick(allowed)
    const needs = AGGREGATOR_PARAMS[op]
    const given = like?.param !== undefined && typeOf(like.param) === needs ? like.param : undefined
    const param =
      needs === undefined
        ? undefined
        : (given ??
          (needs === 'string'
            ? ({ kind: 'string', value: random.pick(['value', ...this.#pool.labels.keys()]), span: NOWHERE } as const)
            : number(
                random.pick(op === 'quantile' || op === 'limit_ratio' ? [0, 0.5, 0.9, -0.5, 1, 2] : [1, 2, 3, 0, 10]),
              )))
    const { without = random.chance(0.5), grouping = this.#labelList() } = like ?? {}
    return { kind: 'aggregate', op, ...(param === undefined ? {} : { param }), expr, without, grouping, span: NOWHERE }
  }

  #labelList(): readonly string[] {
    return this.#random.some([...this.#pool.labels.keys(), '__name__', 'none'], 0.3)
  }

  #binary(expr: Kind<'binary'>): Expr {
    const random = this.#random
    const vectors = typeOf(expr.left) === 'vector' && typeOf(expr.right) === 'vector'
    if (vectors && random.chance(0.4)) return { ...expr, matching: this.#matching(expr.op, expr.matching) }
    if (random.chance(0.1)) return { ...expr, left: expr.right, right: expr.left }
    return this.#operation(expr.left, expr.right, expr.matching)
  }

  #matching(op: string, before: Kind<'binary'>['matching']): NonNullable<Kind<'binary'>['matching']> {
    const random = this.#random
    const isSet = (SETS as readonly string[]).includes(op)
    const card = isSet
      ? 'many-to-many'
      : random.pick(['one-to-one', 'one-to-one', 'many-to-one', 'one-to-many'] as const)
    const labels = before !== undefined && random.chance(0.5) ? before.labels : this.#labelList()
    const on = random.chance(0.5)
    const grouped = card === 'many-to-one' || card === 'one-to-many'
    const include = grouped ? random.some([...this.#pool.labels.keys()], 0.2) : []
    return { card, on, labels, include: on ? include.filter((one) => !labels.includes(one)) : include }
  }

  #operation(left: Expr, right: Expr, matching: Kind<'binary'>['matching']): Expr {
    const random = this.#random
    const scalars = typeOf(left) === 'scalar' && typeOf(right) === 'scalar'
    const vectors = typeOf(left) === 'vector' && typeOf(right) === 'vector'
    const op = random.weighted<Kind<'binary'>['op']>([
      [5, random.pick(ARITHMETIC)],
      [4, random.pick(COMPARISONS)],
      [vectors ? 3 : 0, random.pick(SETS)],
    ])
    const isComparison = (COMPARISONS as readonly string[]).includes(op)
    const bool = isComparison && (scalars || random.chance(0.3))
    const plain = { kind: 'binary', op, left, right, bool, span: NOWHERE } as const
    if (!vectors) return plain
    const isSet = (SETS as readonly string[]).includes(op)
    const usable = matching !== undefined && isSet === (matching.card === 'many-to-many')
    const next: Kind<'binary'>['matching'] =
      usable && random.chance(0.7)
        ? matching
        : random.chance(0.4)
          ? this.#matching(op, matching)
          : { card: isSet ? 'many-to-many' : 'one-to-one', on: false, labels: [], include: [] }
    return { ...plain, matching: next }
  }

  /** Something that yields the same type, around it. */
  #around(expr: Expr): Expr {
    const random = this.#random
    const type = typeOf(expr)
    if (type === 'matrix' || type === 'string') return this.#inPlace(expr)
    const operation = () => {
      const other = random.chance(0.3) ? number(random.pick(NUMBERS)) : random.chance(0.3) ? expr : this.#part(type)
      return random.chance(0.5) ? this.#operation(expr, other, undefined) : this.#operation(other, expr, undefined)
    }
    if (type === 'scalar')
      return typeOf(operation()) === 'scalar' ? this.#operation(expr, number(random.pick(NUMBERS)), undefined) : expr
    return random.weighted<() => Expr>([
      [4, () => this.#aggregation(expr)],
      [4, () => this.#wrapped(expr, 'vector')],
      [3, () => this.#wrapped(this.#subquery(expr), 'matrix')],
      [4, operation],
      [1, () => ({ kind: 'unary', op: '-', expr, span: NOWHERE })],
    ])()
  }

  #subquery(expr: Expr): Expr {
    const random = this.#random
    const plain = {
      kind: 'subquery',
      expr,
      range: seconds(random.pick(SECONDS)),
      step: seconds(random.pick(STEPS)),
      span: NOWHERE,
    } as const
    return random.chance(0.2) ? this.#modified<Kind<'subquery'>>(plain) : plain
  }

  /** A function around it that takes this type, with other arguments as they are needed. */
  #wrapped(expr: Expr, type: ValueType): Expr {
    const random = this.#random
    const fitting = [...FUNCTIONS.values()].filter(
      ({ name, args, returns }) => this.#allowed.functions.has(name) && returns === 'vector' && args.includes(type),
    )
    const { name, args, optional } = random.pick(fitting)
    const given = args.slice(0, args.length - (random.chance(0.5) ? optional : 0))
    const all = (given.includes(type) ? given : args).map((one): Expr => {
      if (one === type) return expr
      if (one === 'string')
        return { kind: 'string', value: random.pick([...this.#pool.labels.keys(), '$1', '']), span: NOWHERE }
      if (one === 'scalar') return number(random.pick(name.includes('quantile') ? [0, 0.5, 0.9, 1, -1] : NUMBERS))
      return this.#part(one)
    })
    return { kind: 'call', name, args: all, span: NOWHERE }
  }

  /** A part of another expression, in its place. */
  #other(expr: Expr): Expr {
    return this.#part(typeOf(expr))
  }

  #part(type: ValueType): Expr {
    const random = this.#random
    for (let i = 0; i < 20; i++) {
      const parts = [...walk(random.pick(this.#pool.expressions))].filter((one) => typeOf(one) === type)
      if (parts.length > 0) return random.pick(parts)
    }
    if (type === 'scalar') return number(random.pick(NUMBERS))
    if (type === 'string') return { kind: 'string', value: 'x', span: NOWHERE }
    const selector = withMatchers({ kind: 'vector-selector', name: '', matchers: [], span: NOWHERE }, [
      matcher('__name__', '=', random.pick(this.#pool.metrics)),
    ])
    return type === 'vector'
      ? selector
      : { kind: 'matrix-selector', selector, range: seconds(random.pick(SECONDS)), span: NOWHERE }
  }

  #smaller(expr: Expr): Expr {
    const below = [...walk(expr)].slice(1).filter((one) => typeOf(one) === typeOf(expr) && !isRangesSelector(expr, one))
    return below.length === 0 ? this.#inPlace(expr) : this.#random.pick(below)
  }
}

function isRangesSelector(root: Expr, one: Expr): boolean {
  return [...walk(root)].some((node) => node.kind === 'matrix-selector' && node.selector === one)
}

function takes(
  {
    args,
    optional,
    repeats,
  }: { readonly args: readonly ValueType[]; readonly optional: number; readonly repeats: boolean },
  types: readonly ValueType[],
): boolean {
  if (types.length < args.length - optional || (types.length > args.length && !repeats)) return false
  return types.every((type, i) => type === (args[i] ?? args.at(-1)))
}

function number(value: number): Expr {
  return { kind: 'number', value, duration: false, span: NOWHERE }
}

function seconds(value: number): Kind<'matrix-selector'>['range'] {
  return { kind: 'seconds', value, duration: true, span: NOWHERE }
}

function withMatchers(selector: VectorSelector, matchers: readonly Matcher[]): VectorSelector {
  const name = matchers.find((one) => one.name === '__name__' && one.op === '=')?.value ?? ''
  return { ...selector, name: /^[a-zA-Z_:][\w:]*$/.test(name) ? name : '', matchers }
}

/** The tree with one node exchanged. */
function replaced(expr: Expr, target: Expr, replacement: Expr): Expr {
  return expr === target ? replacement : mapBelow(expr, (one) => replaced(one, target, replacement))
}
