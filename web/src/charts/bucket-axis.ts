/**
 * An axis for the bounds of buckets: linear, or exponential with zero and both signs on it. Pure.
 *
 * - The axis is a row of segments that fill 0 to 1 without overlap: negative values, zero, positive values; and a slot at
 *   either end for what reaches to infinity, which has no place on any scale.
 * - `place` never falls as values rise. Values outside lie at the ends.
 * - A slot is as wide as a usual bucket, so that what lies in it can be seen and compared.
 */
import type { Unit } from '../api/wire.ts'
import { formatText } from '../format/value.ts'
import { yTicks } from './axis.ts'
import type { Bucket } from './distribution.ts'

export type AxisKind = 'linear' | 'exponential'

type SegmentKind = 'below' | 'negative' | 'zero' | 'positive' | 'linear' | 'above'
type Segment = {
  readonly kind: SegmentKind
  /** Where it lies on the axis, in [0, 1]. */
  readonly from: number
  readonly to: number
  /** The values at its ends. */
  readonly low: number
  readonly high: number
}

export type BucketAxis = {
  readonly kind: AxisKind
  readonly segments: readonly Segment[]
  /** Values of both signs have a place: buckets that begin or end at zero then share its slot. */
  readonly bothSigns: boolean
}

/** Beyond this ratio of the largest to the smallest edge a linear axis would hide most buckets. */
const WIDE = 24
/** More buckets than this on one axis are no longer told apart. */
const MAX_STEPS = 400

/** Which axis shows these buckets best. */
export function usualKind(buckets: readonly Bucket[]): AxisKind {
  let least = Number.POSITIVE_INFINITY
  let most = 0
  for (const { lower, upper } of buckets) {
    for (const edge of [Math.abs(lower), Math.abs(upper)]) {
      if (edge === 0 || edge === Number.POSITIVE_INFINITY) continue
      if (edge < least) least = edge
      if (edge > most) most = edge
    }
  }
  return most / least > WIDE ? 'exponential' : 'linear'
}

/** The axis on which all of these buckets have a place. */
export function axisOf(buckets: Iterable<Bucket>, kind: AxisKind): BucketAxis {
  const reach = reachOf(buckets)
  const rows: { kind: SegmentKind; weight: number; low: number; high: number }[] = []
  const slot = (which: SegmentKind, at: number) => rows.push({ kind: which, weight: 1, low: at, high: at })
  const { below, above, zero, min, max, negative, positive, octaves, widths } = reach
  if (below) slot('below', min)
  if (kind === 'linear') {
    if (min < max) rows.push({ kind: 'linear', weight: steps((max - min) / middle(widths)), low: min, high: max })
    else if (min === max && !below && !above) slot('zero', min)
  } else {
    const usual = middle(octaves)
    const log = (which: 'negative' | 'positive', low: number, high: number) => {
      const span = Math.log2(high) - Math.log2(low)
      if (span > 0)
        rows.push({
          kind: which,
          weight: steps(span / usual),
          low: which === 'negative' ? -high : low,
          high: which === 'negative' ? -low : high,
        })
    }
    if (negative[1] > 0) log('negative', ...negative)
    if (zero) slot('zero', 0)
    if (positive[1] > 0) log('positive', ...positive)
  }
  if (above) slot('above', max)
  const all = rows.reduce((sum, { weight }) => sum + weight, 0)
  let from = 0
  const segments = rows.map(({ kind: which, weight, low, high }, i): Segment => {
    const to = i === rows.length - 1 ? 1 : from + weight / all
    const segment = { kind: which, from, to, low, high }
    from = to
    return segment
  })
  return { kind, segments, bothSigns: (below || negative[1] > 0) && (above || positive[1] > 0) }
}

/** The place of a value, in [0, 1]. */
export function place({ segments }: BucketAxis, value: number): number {
  let at = 0
  for (const segment of segments) {
    if (isBefore(segment, value)) return at
    at = inside(segment, value)
    if (at < segment.to) return at
  }
  return at
}

/** Where a bucket begins and ends. A bucket to infinity takes the slot at that end; the one of zero takes all of its slot. */
export function placeBucket(axis: BucketAxis, bucket: Bucket): readonly [from: number, to: number] {
  return [
    bucket.lower === Number.NEGATIVE_INFINITY ? 0 : edge(axis, bucket.lower, bucket),
    bucket.upper === Number.POSITIVE_INFINITY ? 1 : edge(axis, bucket.upper, bucket),
  ]
}

export type AxisTick = { readonly at: number; readonly value: number }

/** Round values with their places, ascending, at least about `1 / count` apart. */
export function axisTicks(axis: BucketAxis, count: number, unit: Unit): readonly AxisTick[] {
  const ticks: AxisTick[] = []
  for (const segment of axis.segments) {
    const share = segment.to - segment.from
    const room = Math.max(1, Math.round(share * count))
    const centre = (segment.from + segment.to) / 2
    if (segment.kind === 'zero') ticks.push({ at: centre, value: segment.low })
    if (segment.kind === 'below') ticks.push({ at: centre, value: Number.NEGATIVE_INFINITY })
    if (segment.kind === 'above') ticks.push({ at: centre, value: Number.POSITIVE_INFINITY })
    if (segment.kind === 'linear')
      for (const value of yTicks(segment.low, segment.high, room * 38, unit))
        ticks.push({ at: inside(segment, value), value })
    if (segment.kind === 'positive')
      for (const value of roundPowers(segment.low, segment.high, room, unit))
        ticks.push({ at: inside(segment, value), value })
    if (segment.kind === 'negative')
      for (const value of roundPowers(-segment.high, -segment.low, room, unit).toReversed())
        ticks.push({ at: inside(segment, -value), value: -value })
  }
  // Zero and infinity win against their neighbours: they say which side one is on.
  const gap = 0.6 / Math.max(1, count)
  const strong = ticks.filter(({ value }) => value === 0 || !Number.isFinite(value))
  const kept: AxisTick[] = []
  for (const tick of ticks) {
    const rivals = strong.includes(tick) ? kept.slice(-1) : [...kept.slice(-1), ...strong]
    if (rivals.every((other) => Math.abs(other.at - tick.at) >= gap)) kept.push(tick)
  }
  return kept
}

/** A tick in words. Zero needs no unit. */
export function tickText(value: number, unit: Unit): string {
  return value === 0 ? '0' : formatText(unit, value)
}

type Reach = {
  readonly below: boolean
  readonly above: boolean
  readonly zero: boolean
  readonly min: number
  readonly max: number
  /** Smallest and largest size of edges on each side. */
  readonly negative: readonly [number, number]
  readonly positive: readonly [number, number]
  readonly octaves: readonly number[]
  readonly widths: readonly number[]
}

function reachOf(buckets: Iterable<Bucket>): Reach {
  let [below, above, zero] = [false, false, false]
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const sides = { negative: [Number.POSITIVE_INFINITY, 0], positive: [Number.POSITIVE_INFINITY, 0] }
  const octaves: number[] = []
  const widths: number[] = []
  for (const { lower, upper } of buckets) {
    below ||= lower === Number.NEGATIVE_INFINITY
    above ||= upper === Number.POSITIVE_INFINITY
    const aroundZero = lower <= 0 && upper >= 0 && Number.isFinite(lower) && Number.isFinite(upper)
    zero ||= aroundZero
    for (const value of [lower, upper]) {
      if (!Number.isFinite(value)) continue
      if (value < min) min = value
      if (value > max) max = value
      // The edges of a bucket of nothing but zero (2.9e-39 by default) would stretch the axis by a hundred octaves.
      if (value === 0 || (lower < 0 && upper > 0)) continue
      const side = value < 0 ? sides.negative : sides.positive
      side[0] = Math.min(side[0]!, Math.abs(value))
      side[1] = Math.max(side[1]!, Math.abs(value))
    }
    if (Number.isFinite(lower) && Number.isFinite(upper) && upper > lower) {
      widths.push(upper - lower)
      if (lower !== 0 && upper !== 0 && lower > 0 === upper > 0)
        octaves.push(Math.abs(Math.log2(Math.abs(upper)) - Math.log2(Math.abs(lower))))
    }
  }
  return {
    below,
    above,
    zero,
    min,
    max,
    negative: pair(sides.negative),
    positive: pair(sides.positive),
    octaves,
    widths,
  }
}

function pair([low = Number.POSITIVE_INFINITY, high = 0]: readonly number[]): readonly [number, number] {
  return [low, high]
}

function middle(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 1
}

/** How many usual buckets a stretch is wide: bounded, so that a slot beside it never vanishes. */
function steps(wanted: number): number {
  return Math.min(MAX_STEPS, Math.max(1, wanted))
}

function isBefore({ kind, low }: Segment, value: number): boolean {
  return kind === 'zero' ? value < low : kind === 'above' ? value <= low : kind === 'below' ? false : value < low
}

function inside({ kind, from, to, low, high }: Segment, value: number): number {
  const clamped = Math.min(high, Math.max(low, value))
  switch (kind) {
    case 'below':
      return value === Number.NEGATIVE_INFINITY ? from : to
    case 'above':
      return to
    case 'zero':
      return value > low ? to : (from + to) / 2
    case 'linear':
      return from + ((clamped - low) / (high - low)) * (to - from)
    case 'positive':
      return from + octaveShare(low, clamped, high) * (to - from)
    case 'negative':
      return to - octaveShare(-high, -clamped, -low) * (to - from)
    default:
      return kind satisfies never
  }
}

/** How far `value` is from `low` to `high`, by octaves. Differences of logarithms: the quotient of extremes overflows. */
function octaveShare(low: number, value: number, high: number): number {
  const from = Math.log2(low)
  return (Math.log2(value) - from) / (Math.log2(high) - from)
}

/** Zero's slot belongs to the buckets that enclose zero or end there: all of it, or their half when both signs are shown. */
function edge(axis: BucketAxis, value: number, bucket: Bucket): number {
  const { segments } = axis
  const zero = segments.find(({ kind }) => kind === 'zero')
  const at = place(axis, value)
  if (zero === undefined || zero.low !== 0 || bucket.lower > 0 || bucket.upper < 0) return at
  if (value < 0) return Math.min(at, zero.from)
  if (value > 0) return Math.max(at, zero.to)
  if (bucket.lower === bucket.upper) return at
  return axis.bothSigns ? at : bucket.lower === 0 ? zero.from : zero.to
}

/**
 * Powers of ten, with 2 and 5 between them where there is room; every so many powers where there is not. Bytes step in powers
 * of two, as their figures do.
 */
function roundPowers(low: number, high: number, room: number, unit: Unit): readonly number[] {
  if (unit === 'bytes') {
    const stride = Math.max(1, Math.ceil(Math.log2(high / low) / room))
    const found: number[] = []
    for (let power = Math.ceil(Math.log2(low) / stride - 1e-9) * stride; found.length < 60; power += stride) {
      if (2 ** power > high * (1 + 1e-9)) break
      found.push(2 ** power)
    }
    return found
  }
  const decades = Math.log10(high / low)
  const bases = decades * 3 <= room * 1.2 ? [1, 2, 5] : [1]
  const stride = bases.length > 1 ? 1 : Math.max(1, Math.ceil(decades / room))
  const found: number[] = []
  const first = Math.floor(Math.log10(low))
  const last = Math.ceil(Math.log10(high))
  for (let power = Math.ceil(first / stride) * stride; power <= last && found.length < 60; power += stride) {
    for (const base of bases) {
      const value = base * 10 ** power
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) found.push(value)
    }
  }
  return found
}
