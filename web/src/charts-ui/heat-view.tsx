/**
 * Series of native histograms over time: one of them as a heatmap, with its legend, its range, what is pointed at, and the
 * same as a table. With more than one series, one is chosen, and how many there are is said.
 *
 * - The arrow keys move over the cells as the pointer does; what is pointed at is said aloud.
 */
import { Select } from '@mantine/core'
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react'
import { useNow } from '../api/live.tsx'
import type { HistogramSeries } from '../api/queries.ts'
import type { Unit } from '../api/wire.ts'
import { type AxisKind, axisOf, type BucketAxis, usualKind } from '../charts/bucket-axis.ts'
import { averageOf, bucketWords } from '../charts/distribution.ts'
import type { Exemplar } from '../charts/exemplars.ts'
import type { Grid } from '../charts/frame.ts'
import { bucketsOf, describeHeat, type Heat, levelLimits, onlyGrows, toHeat } from '../charts/heat.ts'
import { type HeatPlot, openHeatPlot, type Pointed } from '../charts/heat-plot.ts'
import { HEAT } from '../charts/look.ts'
import { formatClock, formatInstant } from '../format/time.ts'
import { formatText } from '../format/value.ts'
import { countUnit, rateOf } from './histogram-exprs.ts'
import './histogram.css'

export type HeatViewProps = {
  readonly title: string
  readonly expr: string
  readonly list: readonly HistogramSeries[]
  readonly grid: Grid
  readonly unit: Unit
  readonly height: number
  readonly asTable: boolean
  /** Name of the series that is shown; absent, or one that is gone: the first. */
  readonly picked: string | undefined
  readonly onPick: (name: string | undefined) => void
  readonly exemplars: readonly Exemplar[]
  readonly chosen: number | undefined
  readonly onExemplar: (index: number | undefined) => void
  readonly onWidth: (px: number) => void
  /** Asks another question in place of this one, where the page can. */
  readonly onAsk?: ((expr: string) => void) | undefined
}

/** More names than this are not offered: a list that long is not read. */
const MAX_NAMES = 200

/** The series that is shown. */
export function pickedOf(list: readonly HistogramSeries[], picked: string | undefined): HistogramSeries | undefined {
  return list.find((one) => one.name === picked) ?? list[0]
}

export function HeatView(props: HeatViewProps) {
  const { list, grid, unit, expr, onAsk } = props
  const series = pickedOf(list, props.picked)
  const [chosenKind, setKind] = useState<AxisKind>()
  const { start, end, step } = grid
  // The answer's own object: the list around it is made anew at each drawing, and the cells need not be.
  const raw = series?.series
  const heat = useMemo(
    () => (raw === undefined ? undefined : toHeat(raw, { start, end, step })),
    [raw, start, end, step],
  )
  const buckets = useMemo(() => (heat === undefined ? [] : [...bucketsOf(heat)]), [heat])
  const kind = chosenKind ?? usualKind(buckets)
  const counted = countUnit(expr)
  const axis = useMemo(() => axisOf(buckets, kind), [buckets, kind])
  if (heat === undefined || series === undefined) return null
  const rate = onAsk !== undefined && onlyGrows(heat) ? rateOf(expr) : undefined
  return (
    <div className="heat">
      <div className="heat-head">
        {list.length === 1 ? (
          <span className="heat-name">{series.name}</span>
        ) : (
          <>
            <Select
              size="xs"
              className="heat-series"
              aria-label={`Series shown, of ${list.length}`}
              data={list.slice(0, MAX_NAMES).map((one) => one.name)}
              value={series.name}
              allowDeselect={false}
              searchable
              onChange={(value) => props.onPick(value ?? undefined)}
            />
            <span className="muted">
              one of {list.length} series
              {list.length > MAX_NAMES
                ? `; the first ${MAX_NAMES} can be chosen, narrow the question for the others`
                : ''}
            </span>
          </>
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
      {props.asTable ? (
        <HeatTable heat={heat} unit={unit} counted={counted} height={props.height} />
      ) : (
        <HeatBox {...props} heat={heat} axis={axis} counted={counted} />
      )}
      {rate === undefined ? null : (
        <p className="chart-note">
          These counts only ever grow: this is a counter, and shows all that happened since it began.{' '}
          <button type="button" className="note-door" onClick={() => onAsk?.(rate)}>
            Ask what comes per second
          </button>
        </p>
      )}
    </div>
  )
}

type HeatBoxProps = HeatViewProps & { readonly heat: Heat; readonly axis: BucketAxis; readonly counted: Unit }

function HeatBox(props: HeatBoxProps) {
  const { heat, axis, unit, counted, height, title, exemplars, chosen, onExemplar, onWidth } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<HeatPlot>(undefined)
  const hint = useId()
  const [pointed, setPointed] = useState<Pointed>()
  const told = useRef(onExemplar)
  told.current = onExemplar
  const spec = { heat, axis, unit, height, exemplars, chosen }
  const latest = useRef(spec)
  latest.current = spec
  useEffect(() => {
    const element = box.current
    if (element === null) return
    onWidth(element.clientWidth)
    const opened = openHeatPlot(element, latest.current, (next) => {
      setPointed(next)
      told.current(next?.exemplar)
    })
    plot.current = opened
    return () => {
      plot.current = undefined
      opened[Symbol.dispose]()
    }
  }, [onWidth])
  useEffect(() => {
    plot.current?.update(latest.current)
  })
  useEffect(() => {
    plot.current?.point(pointed?.bucket === undefined ? undefined : { index: pointed.index, bucket: pointed.bucket })
  }, [pointed])
  const move = (event: KeyboardEvent) => {
    const next = moved(heat, pointed, event.key)
    if (next === undefined) return
    event.preventDefault()
    setPointed(next)
  }
  return (
    <>
      <div
        ref={box}
        className="plot"
        style={{ height }}
        role="img"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move over its cells, as the pointer does
        tabIndex={0}
        aria-label={`${title}. ${describeHeat(heat, (bucket) => bucketWords(bucket, unit))}`}
        aria-describedby={hint}
        onKeyDown={move}
        onBlur={() => setPointed(undefined)}
      />
      <span className="hidden" id={hint}>
        The arrow keys move over its cells.
      </span>
      <div className="heat-foot num">
        <Readout heat={heat} pointed={pointed} unit={unit} counted={counted} />
        <Levels most={heat.most} counted={counted} />
      </div>
    </>
  )
}

/** The next cell in the direction of a key: of the nearest column that has any, or the bucket above or below. */
function moved(heat: Heat, from: Pointed | undefined, key: string): Pointed | undefined {
  const columns = heat.columns
  const to = (index: number, at: number): Pointed | undefined => {
    const buckets = columns[index]?.buckets ?? []
    const bucket = buckets[Math.min(buckets.length - 1, Math.max(0, at))]
    return bucket === undefined ? undefined : { index, bucket, exemplar: undefined }
  }
  const index = from?.index ?? columns.length
  const bucket = from?.bucket
  const at = bucket === undefined ? 0 : (columns[index]?.buckets.indexOf(bucket) ?? 0)
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    if (from === undefined) return moved(heat, from, 'ArrowLeft')
    return to(index, at + (key === 'ArrowUp' ? 1 : -1))
  }
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return undefined
  const step = key === 'ArrowLeft' ? -1 : 1
  for (let i = index + step; i >= 0 && i < columns.length; i += step) {
    const buckets = columns[i]?.buckets ?? []
    if (buckets.length === 0) continue
    // The same height where there is one, so that a row can be followed through time.
    const same = bucket === undefined ? -1 : buckets.findIndex((one) => one.upper >= bucket.upper)
    return to(i, same < 0 ? buckets.length - 1 : same)
  }
  return undefined
}

type ReadoutProps = {
  readonly heat: Heat
  readonly pointed: Pointed | undefined
  readonly unit: Unit
  readonly counted: Unit
}

function Readout({ heat, pointed, unit, counted }: ReadoutProps) {
  const now = useNow()
  const last = heat.columns.findLastIndex((column) => column !== undefined)
  const index = pointed?.index ?? last
  const column = heat.columns[index]
  const at = heat.times[index]
  if (at === undefined || last < 0) return <output className="heat-readout muted">no data in this range</output>
  return (
    <output className="heat-readout" aria-live="polite">
      <span className="muted">{pointed === undefined ? 'last' : formatInstant(at * 1000, now)}</span>{' '}
      {column === undefined ? (
        'no data'
      ) : pointed?.bucket === undefined ? (
        <>
          <strong>{formatText(counted, column.count)}</strong> observations, average{' '}
          <strong>{formatText(unit, averageOf(column))}</strong>
        </>
      ) : (
        <>
          {bucketWords(pointed.bucket, unit)}: <strong>{formatText(counted, pointed.bucket.count)}</strong> of{' '}
          {formatText(counted, column.count)}
        </>
      )}
    </output>
  )
}

/** The steps of darkness with the counts at their ends. */
function Levels({ most, counted }: { readonly most: number; readonly counted: Unit }) {
  if (most === 0) return null
  const limits = levelLimits(most)
  return (
    <span className="heat-levels" role="img" aria-label={`Darkness: up to ${formatText(counted, most)} in a bucket`}>
      <span className="muted">in a bucket</span>
      {limits.map((limit, i) => (
        <span key={HEAT[i]} className="heat-level">
          <i style={{ background: `var(${HEAT[i]})` }} />
          <span>{formatText(counted, limit, 'glance')}</span>
        </span>
      ))}
    </span>
  )
}

type HeatTableProps = { readonly heat: Heat; readonly unit: Unit; readonly counted: Unit; readonly height: number }

function HeatTable({ heat, unit, counted, height }: HeatTableProps) {
  const stride = Math.max(1, Math.ceil(heat.times.length / 120))
  const rows: number[] = []
  for (let i = heat.times.length - 1; i >= 0; i -= stride) rows.push(i)
  return (
    <section
      className="frame-table"
      style={{ maxHeight: height + 40 }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      aria-label="The heatmap as a table"
    >
      <table className="list num">
        <thead>
          <tr>
            <th scope="col">time</th>
            {['observations', 'average', 'fullest bucket'].map((text) => (
              <th key={text} scope="col" className="right">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((i) => {
            const column = heat.columns[i]
            const full = column?.buckets.toSorted((a, b) => b.count - a.count)[0]
            return (
              <tr key={heat.times[i]}>
                <td>{formatClock((heat.times[i] ?? 0) * 1000)}</td>
                <td className="right">{formatText(counted, column?.count)}</td>
                <td className="right">{formatText(unit, column === undefined ? undefined : averageOf(column))}</td>
                <td className="right">{full === undefined ? '–' : bucketWords(full, unit)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}
