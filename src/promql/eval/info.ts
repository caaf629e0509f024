/**
 * info(): adds to each series the labels of the info series that describe the same instance and job.
 *
 * - Info series are looked at when the base samples were: `@` and `offset` of the first selector in the argument count.
 * - Labels the base series has are never overwritten. Of several info series for one instance the newest sample counts.
 * - A sample without a match is kept as it is, unless a matcher of the second argument insists on a label.
 */
import { isStaleAt, type Labels, type Matcher, METRIC_NAME, matcher } from '#core'
import { type Call, childrenOf, type Expr, type Subquery, type VectorSelector } from '../ast.ts'
import { anchor } from './anchor.ts'
import { ABSENT, type Column, type Frame, type OpenColumn, timeAt, type Vector, vectorOf } from './column.ts'
import type { Context } from './context.ts'
import { offsetMs } from './duration.ts'
import { Gather } from './gather.ts'

const IDENTIFYING = ['instance', 'job']

/** What the second argument asks for. */
type Wanted = {
  /** Of the info metric's name. */
  readonly names: readonly Matcher[]
  readonly all: readonly Matcher[]
  /** Labels to copy; all of them when undefined. */
  readonly labels: ReadonlySet<string> | undefined
  /** True when a sample without info series is dropped. */
  readonly required: boolean
}

function wantedBy({ args }: Call): Wanted {
  const given = args[1]?.kind === 'vector-selector' ? args[1].matchers : []
  const names = given.filter(({ name }) => name === METRIC_NAME)
  const data = given.filter(({ name }) => name !== METRIC_NAME)
  if (names.length === 0) names.push(matcher(METRIC_NAME, '=', 'target_info'))
  else if (names.every(({ op }) => op.startsWith('!'))) names.push(matcher(METRIC_NAME, '=~', '.+_info'))
  return {
    names,
    all: [...names, ...data],
    labels: data.length === 0 ? undefined : new Set(data.map(({ name }) => name)),
    required: data.some((one) => !one.test('')),
  }
}

/** The nodes from the argument down to its first selector: each may move time by `@` and `offset`. */
function movers(expr: Expr): readonly (VectorSelector | Subquery)[] | undefined {
  if (expr.kind === 'vector-selector') return [expr]
  for (const child of childrenOf(expr)) {
    const inner = movers(child)
    if (inner !== undefined) return expr.kind === 'subquery' ? [expr, ...inner] : inner
  }
  return undefined
}

/** From a step to the moment its info series are looked at. */
function referenceOf({ args }: Call, context: Context): (time: number) => number {
  const path = movers(args[0]!) ?? []
  return (time) => path.reduce((at, node) => anchor(node, at, context.bounds) - offsetMs(node.offset, context), time)
}

/** The span of time that info series are needed for, inclusive. */
export function infoSpan(call: Call, frame: Frame, context: Context): readonly [number, number] {
  const reference = referenceOf(call, context)
  return [reference(frame.start) - context.lookbackMs + 1, reference(timeAt(frame, frame.count - 1))]
}

type InfoSeries = { readonly labels: Labels; readonly name: string; readonly instants: Float64Array }

export async function info(call: Call, base: Vector, frame: Frame, context: Context): Promise<Vector> {
  const wanted = wantedBy(call)
  const bySignature = await readInfo(call, wanted, frame, context)
  const gather = new Gather(frame.count, context, call.span)
  for (const column of base.columns) {
    const isInfo = wanted.names.every((one) => one.test(column.labels.get(METRIC_NAME)))
    const described = isInfo ? [] : (bySignature.get(column.labels.keep(IDENTIFYING).key) ?? [])
    const anonymous = column.labels.keep(IDENTIFYING).size === 0
    enrich(column, anonymous ? [] : described, { wanted, gather, call, context, keeps: isInfo || !wanted.required })
    if (context.spend(frame.count)) await context.breathe()
  }
  return vectorOf(gather.vector.columns)
}

type Enriching = {
  readonly wanted: Wanted
  readonly gather: Gather
  readonly call: Call
  readonly context: Context
  /** Whether a sample without a match stays. */
  readonly keeps: boolean
}

function enrich(column: Column, described: readonly InfoSeries[], how: Enriching): void {
  // Which info series are there changes rarely: the labels are made once for each combination of them.
  let chosen: readonly InfoSeries[] | undefined
  let out: OpenColumn | undefined
  for (let step = 0; step < column.kinds.length; step++) {
    if (column.kinds[step] === ABSENT) continue
    const now = newest(described, step, how)
    if (now.length === 0 && !how.keeps) continue
    if (chosen === undefined || out === undefined || !same(chosen, now)) {
      chosen = now
      out = how.gather.column(enriched(column.labels, now, how), column.dropName)
    }
    how.gather.putSlot(out, step, column)
  }
}

function same(a: readonly InfoSeries[], b: readonly InfoSeries[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i])
}

/** One series a metric name: the one with the newest sample. */
function newest(described: readonly InfoSeries[], step: number, { call, context }: Enriching): readonly InfoSeries[] {
  const byName = new Map<string, InfoSeries>()
  for (const series of described) {
    const at = series.instants[step]!
    if (Number.isNaN(at)) continue
    const known = byName.get(series.name)
    if (known !== undefined && known.instants[step] === at)
      throw context.fail(
        call.span,
        `found duplicate series for info metric: existing ${known.labels}, new ${series.labels}; keep one of them`,
      )
    if (known === undefined || known.instants[step]! < at) byName.set(series.name, series)
  }
  return [...byName.values()]
}

function enriched(base: Labels, from: readonly InfoSeries[], { wanted, call, context }: Enriching): Labels {
  const added = new Map<string, string>()
  for (const { labels } of from) {
    for (const [name, value] of labels) {
      if (name === METRIC_NAME || IDENTIFYING.includes(name) || base.has(name)) continue
      if (wanted.labels !== undefined && !wanted.labels.has(name)) continue
      const known = added.get(name)
      if (known !== undefined && known !== value)
        throw context.fail(
          call.span,
          `conflicting label: ${name}; name the info metric in the second argument, as in {__name__="target_info"}`,
        )
      added.set(name, value)
    }
  }
  return added.size === 0 ? base : base.withAll(Object.fromEntries(added))
}

/** Info series by their identifying labels, with the instant of the sample each step sees (NaN: none). */
async function readInfo(
  call: Call,
  wanted: Wanted,
  frame: Frame,
  context: Context,
): Promise<ReadonlyMap<string, readonly InfoSeries[]>> {
  const found = new Map<string, InfoSeries[]>()
  const reference = referenceOf(call, context)
  for (const { labels, samples } of context.queriers.get(call)?.select(wanted.all) ?? []) {
    const { timestamps, values, count, histograms } = samples()
    const instants = new Float64Array(frame.count)
    context.charge(frame.count, call.span)
    let at = -1
    for (let step = 0; step < frame.count; step++) {
      const time = reference(timeAt(frame, step))
      while (at + 1 < count && timestamps[at + 1]! <= time) at++
      const seen = at >= 0 && timestamps[at]! > time - context.lookbackMs && !isStaleAt(values, at)
      if (seen && histograms?.[at] !== undefined)
        throw context.fail(call.span, `this should be an info metric, with float samples: ${labels}; name another one`)
      instants[step] = seen ? timestamps[at]! : Number.NaN
      if (seen) context.reads.handedOut[step]! += 1
    }
    const key = labels.keep(IDENTIFYING).key
    const series = { labels, name: labels.get(METRIC_NAME), instants }
    const known = found.get(key)
    if (known === undefined) found.set(key, [series])
    else known.push(series)
    if (context.spend(count + frame.count)) await context.breathe()
  }
  return found
}
