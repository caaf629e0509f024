/**
 * The bars of one distribution on an axis. Pure geometry.
 *
 * - The area of a bar is its share of the observations: where buckets are equally wide on the axis, its height is. So a wide
 *   bucket of a custom histogram does not look fuller than it is.
 * - There are never more bars than pixels: buckets that begin in the same pixel are drawn as one.
 * - What has observations is seen: no bar is thinner or lower than a hairline.
 */
import type { BucketAxis } from './bucket-axis.ts'
import { placeBucket } from './bucket-axis.ts'
import type { Bucket } from './distribution.ts'

export type Bar = {
  readonly bucket: Bucket
  /** CSS pixels; `y` is the top. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** It reaches to infinity: drawn as open at that side. */
  readonly open: 'left' | 'right' | undefined
}

const HAIRLINE_PX = 1
/** Below this width a bar has no gap to its neighbour: the gap would be most of it. */
const GAP_FROM_PX = 4

export function barsOf(
  buckets: readonly Bucket[],
  axis: BucketAxis,
  { width, height }: { readonly width: number; readonly height: number },
): readonly Bar[] {
  const spans = spansOf(buckets, axis, width).map((span) => ({ ...span, tall: span.bucket.count / span.wide }))
  const tallest = spans.reduce((most, { tall }) => Math.max(most, tall), 0)
  return spans.map(({ bucket, x, wide, tall }) => {
    const drawn = Math.max(HAIRLINE_PX, (tall / tallest) * height)
    const gap = wide >= GAP_FROM_PX ? 1 : 0
    return {
      bucket,
      x: round(Math.min(x, width - HAIRLINE_PX) + gap / 2),
      y: round(height - drawn),
      width: round(wide - gap),
      height: round(drawn),
      open:
        bucket.lower === Number.NEGATIVE_INFINITY
          ? 'left'
          : bucket.upper === Number.POSITIVE_INFINITY
            ? 'right'
            : undefined,
    }
  })
}

type Span = { bucket: Bucket; readonly x: number; wide: number }

/** Where buckets lie, in CSS pixels; those that begin in one pixel are merged, so that their counts add up. */
function spansOf(buckets: readonly Bucket[], axis: BucketAxis, width: number): readonly Span[] {
  const spans: Span[] = []
  for (const bucket of buckets) {
    const [from, to] = placeBucket(axis, bucket)
    const x = from * width
    const last = spans.at(-1)
    if (last !== undefined && Math.floor(last.x) === Math.floor(x)) {
      const { lower, lowerIn, count } = last.bucket
      last.bucket = { ...bucket, lower, lowerIn, count: count + bucket.count }
      last.wide = Math.max(HAIRLINE_PX, to * width - last.x)
    } else spans.push({ bucket, x, wide: Math.max(HAIRLINE_PX, (to - from) * width) })
  }
  return spans
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
