/** The last half hour of one number. Decoration for the eye: the number beside it says the same in words. */

import type { Unit } from '../api/wire.ts'
import { type SparkPoint, sparkShape } from '../charts/spark.ts'
import './spark.css'

type SparkProps = {
  readonly points: readonly SparkPoint[]
  readonly unit: Unit
  readonly limit?: number | null
  readonly accent?: boolean
  readonly height?: number
}

const WIDTH = 120
/** Below one percent a share is drawn as small as it is. */
const MIN_RATIO = 0.01

export function Spark({ points, unit, limit = null, accent = false, height = 26 }: SparkProps) {
  const shape = sparkShape(
    points,
    { width: WIDTH, height, pad: 2, atLeast: unit === 'ratio' ? MIN_RATIO : 0 },
    limit ?? undefined,
  )
  return (
    <span className="spark-box">
      <svg
        className={`spark${accent ? ' spark-accent' : ''}`}
        viewBox={`0 0 ${WIDTH} ${height}`}
        preserveAspectRatio="none"
        height={height}
        aria-hidden="true"
        focusable="false"
      >
        {shape.limitY === undefined ? null : (
          <line
            className="spark-limit"
            x1="0"
            x2={WIDTH}
            y1={shape.limitY}
            y2={shape.limitY}
            vectorEffect="non-scaling-stroke"
          />
        )}
        <path className="spark-line" d={shape.line} fill="none" vectorEffect="non-scaling-stroke" />
        {shape.dots.map(([x, y]) => (
          <path key={`${x}`} className="spark-line" d={`M${x - 0.5} ${y}h1`} vectorEffect="non-scaling-stroke" />
        ))}
      </svg>
    </span>
  )
}
