/**
 * The bars of one distribution on an axis. Pure geometry.
 *
 * - The area of a bar is its share of the observations: where buckets are equally wide on the axis, its height is. So a wide
 *   bucket of a custom histogram does not look fuller than it is.
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
  const spans = buckets.map((bucket) => {
    const [from, to] = placeBucket(axis, bucket)
    const wide = Math.max(HAIRLINE_PX, (to - from) * width)
    return { bucket, x: from * width, wide, tall: bucket.count / wide }
  })
  const tallest = Math.max(0, ...spans.map(({ tall }) => tall))
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

function round(value: number): number {
  return Math.round(value * 100) / 100
}
