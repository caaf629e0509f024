/**
 * A spark: the last half hour of one number as an SVG path. Pure geometry.
 *
 * - A gap in the data is a gap in the path. A lone sample between two gaps is a dot.
 * - Zero is the floor unless values are negative, so that sparks of one part can be compared by height.
 */

export type SparkPoint = readonly [at: number, value: number | null]
export type SparkShape = {
  /** `d` of the line; '' without data. */
  readonly line: string
  /** Centres of lone samples. */
  readonly dots: readonly (readonly [x: number, y: number])[]
  /** Where the threshold lies, if it lies inside. */
  readonly limitY: number | undefined
  /** The newest sample, when it is the newest instant too. */
  readonly end: readonly [x: number, y: number] | undefined
}

export type SparkBox = {
  readonly width: number
  readonly height: number
  readonly pad: number
  /** The top is at least this, so that the noise of a tiny share does not look like mountains. */
  readonly atLeast?: number
}

export function sparkShape(points: readonly SparkPoint[], box: SparkBox, limit?: number): SparkShape {
  const known = points.filter(
    (point): point is readonly [number, number] => point[1] !== null && Number.isFinite(point[1]),
  )
  if (known.length === 0 || points.length === 0) return { line: '', dots: [], limitY: undefined, end: undefined }
  const first = points[0]![0]
  const last = points[points.length - 1]![0]
  let low = 0
  let high = box.atLeast ?? 0
  for (const [, value] of known) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  // A threshold within reach belongs into the picture; a far one would flatten the line.
  const shown = limit !== undefined && limit <= high * 2.5 && limit >= low
  if (shown) high = Math.max(high, limit * 1.05)
  if (high === low) high = low + 1
  const x = (at: number) =>
    round(last === first ? box.width : ((at - first) / (last - first)) * (box.width - 2 * box.pad) + box.pad)
  const y = (value: number) => round(box.height - box.pad - ((value - low) / (high - low)) * (box.height - 2 * box.pad))

  const runs: (readonly [number, number])[][] = []
  let run: (readonly [number, number])[] = []
  for (const [at, value] of points) {
    if (value === null || !Number.isFinite(value)) {
      if (run.length > 0) runs.push(run)
      run = []
    } else run.push([x(at), y(value)])
  }
  if (run.length > 0) runs.push(run)
  const line = runs
    .filter((points) => points.length > 1)
    .map((points) => `M${points.map(([px, py]) => `${px} ${py}`).join('L')}`)
    .join('')
  const newest = points[points.length - 1]![1]
  return {
    line,
    dots: runs.filter((points) => points.length === 1).map((points) => points[0]!),
    limitY: shown ? y(limit) : undefined,
    end: newest === null || !Number.isFinite(newest) ? undefined : [x(last), y(newest)],
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
