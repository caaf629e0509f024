/**
 * One distribution as bars: small in a row of a table, large with its axis and its list of buckets.
 *
 * - Both say the same in words for who can't see them. Bars that reach to infinity have a dashed outer edge.
 */
import { useElementSize } from '@mantine/hooks'
import { useState } from 'react'
import type { Unit } from '../api/wire.ts'
import { type AxisKind, axisOf, axisTicks, type BucketAxis, tickText, usualKind } from '../charts/bucket-axis.ts'
import { type Bar, barsOf } from '../charts/bucket-bars.ts'
import { averageOf, type Bucket, bucketWords, type Distribution, describeDistribution } from '../charts/distribution.ts'
import { formatText } from '../format/value.ts'
import './histogram.css'

const SMALL = { width: 200, height: 30 } as const
const LARGE_HEIGHT_PX = 170
/** Ticks stand at least this far apart. */
const TICK_PX = 100
/** More rows than this are not read; the picture has them all. */
const MAX_ROWS = 200

type BarsProps = {
  readonly distribution: Distribution
  readonly unit: Unit
  /** Of the counts: `per_second` for a rate. */
  readonly counted: Unit
}

export function SmallBars({ distribution, unit, counted }: BarsProps) {
  const axis = axisOf(distribution.buckets, usualKind(distribution.buckets))
  return (
    <svg
      className="bars"
      width={SMALL.width}
      height={SMALL.height + 1}
      viewBox={`0 0 ${SMALL.width} ${SMALL.height + 1}`}
      role="img"
      aria-label={describeDistribution(distribution, unit, counted)}
    >
      <Bars bars={barsOf(distribution.buckets, axis, SMALL)} height={SMALL.height} width={SMALL.width} />
    </svg>
  )
}

/** Bars, axis, figures and buckets of one distribution. */
export function LargeBars({ distribution, unit, counted }: BarsProps) {
  const [kind, setKind] = useState<AxisKind>(usualKind(distribution.buckets))
  const axis = axisOf(distribution.buckets, kind)
  const average = averageOf(distribution)
  return (
    <div className="bars-large">
      <div className="bars-head num">
        <span>
          <strong>{formatText(counted, distribution.count)}</strong> observations
        </span>
        <span>
          sum <strong>{formatText(unit, distribution.sum)}</strong>
        </span>
        {average === undefined ? null : (
          <span>
            average <strong>{formatText(unit, average)}</strong>
          </span>
        )}
        <button
          type="button"
          className="chart-toggle"
          aria-pressed={kind === 'exponential'}
          onClick={() => setKind(kind === 'linear' ? 'exponential' : 'linear')}
        >
          {kind === 'linear' ? 'linear axis' : 'exponential axis'}
        </button>
      </div>
      {distribution.buckets.length === 0 ? (
        <p className="muted">There are no observations in any bucket.</p>
      ) : (
        <AxisBars distribution={distribution} axis={axis} unit={unit} counted={counted} />
      )}
      {distribution.undrawn === 0 ? null : (
        <p className="chart-note">
          {distribution.undrawn} buckets have a count below zero or none that is a number; they are not drawn.
        </p>
      )}
      <BucketList distribution={distribution} unit={unit} counted={counted} />
    </div>
  )
}

function AxisBars({ distribution, axis, unit, counted }: BarsProps & { readonly axis: BucketAxis }) {
  const { ref, width: measured } = useElementSize()
  const width = Math.max(200, Math.floor(measured))
  const box = { width, height: LARGE_HEIGHT_PX }
  return (
    <div ref={ref} className="bars-wide">
      <svg
        className="bars"
        width={width}
        height={LARGE_HEIGHT_PX + 22}
        role="img"
        aria-label={describeDistribution(distribution, unit, counted)}
      >
        <Bars
          bars={barsOf(distribution.buckets, axis, box)}
          {...box}
          words={(bucket) => `${bucketWords(bucket, unit)}: ${formatText(counted, bucket.count)}`}
        />
        {axisTicks(axis, width / TICK_PX, unit).map(({ at, value }) => (
          <g key={value}>
            <path className="bars-tick" d={`M${at * width} ${LARGE_HEIGHT_PX}v4`} />
            <text x={at * width} y={LARGE_HEIGHT_PX + 17} textAnchor="middle">
              {tickText(value, unit)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  )
}

function Bars({
  bars,
  height,
  width,
  words,
}: {
  readonly bars: readonly Bar[]
  readonly height: number
  readonly width: number
  readonly words?: (bucket: Bucket) => string
}) {
  return (
    <>
      <path className="bars-ground" d={`M0 ${height + 0.5}H${width}`} />
      {bars.map(({ bucket, x, y, width: wide, height: tall, open }) => (
        <g key={`${bucket.lower} ${bucket.upper}`}>
          <rect className="bars-bar" x={x} y={y} width={wide} height={tall}>
            {words === undefined ? null : <title>{words(bucket)}</title>}
          </rect>
          {open === undefined ? null : (
            <path className="bars-open" d={`M${open === 'left' ? x + 1 : x + wide - 1} ${y}v${tall}`} />
          )}
        </g>
      ))}
    </>
  )
}

function BucketList({ distribution, unit, counted }: BarsProps) {
  const { buckets } = distribution
  if (buckets.length === 0) return null
  const hidden = Math.max(0, buckets.length - MAX_ROWS)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="bucket-list" tabIndex={0} aria-label="Buckets">
      <table className="list num">
        <thead>
          <tr>
            <th scope="col">bucket</th>
            <th scope="col" className="right">
              observations
            </th>
            <th scope="col" className="right">
              share
            </th>
          </tr>
        </thead>
        <tbody>
          {buckets.slice(0, MAX_ROWS).map((bucket) => (
            <tr key={`${bucket.lower} ${bucket.upper}`}>
              <td>{bucketWords(bucket, unit)}</td>
              <td className="right">{formatText(counted, bucket.count)}</td>
              <td className="right">{formatText('ratio', bucket.count / distribution.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {hidden === 0 ? null : <p className="chart-note">{hidden} more buckets are not listed.</p>}
    </section>
  )
}
