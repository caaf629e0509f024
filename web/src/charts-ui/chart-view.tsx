/**
 * One question as a chart: title, unit, threshold, range, legend with the values under the pointer, and the same as a table.
 *
 * - While a new range loads, the old lines stay. When the answer fails, the reason stands where the chart would be.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { useLive, useNow } from '../api/live.tsx'
import { rangeQuery } from '../api/queries.ts'
import type { Unit } from '../api/wire.ts'
import { axisScale, yRange } from '../charts/axis.ts'
import { EMPTY_FRAME, extentOf, type Frame, lastOf } from '../charts/frame.ts'
import { gridOf } from '../charts/grid.ts'
import { lineLook, readLook } from '../charts/look.ts'
import type { Mark, Span } from '../charts/overlay.ts'
import { openPlot, type Plot } from '../charts/plot.ts'
import { describe, tableRows } from '../charts/table.ts'
import { formatClock, formatInstant } from '../format/time.ts'
import { formatText } from '../format/value.ts'
import { Bones } from '../ui/feedback.tsx'
import './chart-view.css'

export type ChartViewProps = {
  readonly title: string
  /** What a single nameless line is called; absent: the title. */
  readonly name?: string
  readonly expr: string
  readonly unit: Unit
  /** Name of the label that names the lines; absent: all labels, or the title when there is one line. */
  readonly legend?: string | undefined
  readonly limit?: number | null | undefined
  readonly height?: number
  /** Unix ms. */
  readonly from: number
  readonly to: number
  readonly spans?: readonly Span[]
  readonly marks?: readonly Mark[]
  readonly accent?: string | true | undefined
  readonly actions?: ReactNode
  /** Inside another box: no border of its own. */
  readonly bare?: boolean
}

export function ChartView(props: ChartViewProps) {
  const { title, expr, unit, legend, limit = null, height = 220, from, to, bare = false } = props
  const { fresh } = useLive()
  const id = useId()
  const [width, setWidth] = useState(600)
  const [asTable, setAsTable] = useState(false)
  const grid = gridOf(from, to, width)
  const answer = useQuery({
    ...rangeQuery(expr, grid, (labels) => nameLine(labels, legend, props.name ?? title)),
    placeholderData: keepPreviousData,
    enabled: fresh.kind !== 'lost',
  })
  const frame = answer.data?.frame ?? EMPTY_FRAME
  const scale = unitWord(frame, limit, unit)
  return (
    <figure className={bare ? 'chart' : 'chart card'} aria-labelledby={id}>
      <figcaption className="chart-head">
        <span className="eyebrow" id={id}>
          {title}
        </span>
        <span className="chart-tools">
          {props.actions}
          <button type="button" className="chart-toggle" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            {asTable ? 'chart' : 'table'}
          </button>
          <span className="chart-unit">{scale}</span>
        </span>
      </figcaption>
      {answer.isPending && answer.fetchStatus !== 'idle' ? (
        <Bones rows={1} height={height} />
      ) : answer.isError ? (
        <div className="chart-error" style={{ minHeight: height }} role="alert">
          <strong>This question has no answer.</strong>
          <span>{answer.error.message}</span>
        </div>
      ) : asTable ? (
        <FrameTable frame={frame} unit={unit} height={height} />
      ) : (
        <PlotBox
          {...props}
          frame={frame}
          onWidth={setWidth}
          from={grid.start}
          to={grid.end}
          height={height}
          limit={limit}
        />
      )}
      {answer.data?.warnings.map((text) => (
        <p key={text} className="chart-note">
          {text}
        </p>
      ))}
      {frame.dropped > 0 ? (
        <p className="chart-note">
          {frame.dropped} more lines are not drawn. Narrow the question, or sum some of them.
        </p>
      ) : null}
    </figure>
  )
}

/** A chart over the chosen range, ending now, that moves on by itself. */
export function RollingChart({ rangeMs, ...rest }: Omit<ChartViewProps, 'from' | 'to'> & { readonly rangeMs: number }) {
  const now = useNow()
  // Every five seconds is as often as data comes; asking more often would only redraw.
  const to = Math.floor(now / 5_000) * 5_000
  return <ChartView {...rest} from={to - rangeMs} to={to} />
}

type PlotBoxProps = ChartViewProps & {
  readonly frame: Frame
  readonly onWidth: (px: number) => void
  readonly height: number
  readonly limit: number | null
}

function PlotBox({ frame, unit, limit, spans, marks, accent, from, to, height, onWidth, title }: PlotBoxProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<Plot>(undefined)
  const [hover, setHover] = useState<number>()
  const spec = {
    frame,
    unit,
    height,
    from,
    to,
    accent,
    ...(limit === null ? {} : { limit }),
    ...(spans === undefined ? {} : { spans }),
    ...(marks === undefined ? {} : { marks }),
  }
  const latest = useRef(spec)
  latest.current = spec
  useEffect(() => {
    const element = box.current
    if (element === null) return
    onWidth(element.clientWidth)
    const opened = openPlot(element, latest.current, setHover)
    plot.current = opened
    return () => {
      plot.current = undefined
      opened[Symbol.dispose]()
    }
  }, [onWidth])
  useEffect(() => {
    plot.current?.update(latest.current)
  })
  const text = describe(frame, (value) => formatText(unit, value))
  return (
    <>
      <div ref={box} className="plot" style={{ height }} role="img" aria-label={`${title}. ${text}`} />
      <LegendRow frame={frame} unit={unit} hover={hover} accent={accent} />
    </>
  )
}

function LegendRow({
  frame,
  unit,
  hover,
  accent,
}: {
  readonly frame: Frame
  readonly unit: Unit
  readonly hover: number | undefined
  readonly accent: string | true | undefined
}) {
  const now = useNow()
  const row = useRef<HTMLDivElement>(null)
  const [look, setLook] = useState<ReturnType<typeof readLook>>()
  useEffect(() => {
    const element = row.current
    if (element === null) return
    const read = () => setLook(readLook(element))
    read()
    const observer = new MutationObserver(read)
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-mantine-color-scheme'] })
    return () => observer.disconnect()
  }, [])
  const at = hover === undefined ? undefined : frame.times[hover]
  return (
    <div className="legend num" ref={row}>
      <span className="legend-at">{at === undefined ? 'last' : formatInstant(at * 1000, now)}</span>
      {frame.lines.map((line, i) => {
        const value = hover === undefined ? (lastOf(frame, line)?.value ?? null) : (line.values[hover] ?? null)
        const drawn = look === undefined ? undefined : lineLook(look, i, accent === true || accent === line.name)
        return (
          <span key={line.name} className="legend-line">
            <svg width="16" height="6" viewBox="0 0 16 6" aria-hidden="true" focusable="false">
              <path d="M0 3h16" stroke={drawn?.stroke} strokeWidth="2" strokeDasharray={drawn?.dash.join(' ')} />
            </svg>
            <span className="legend-name">{line.name}</span>
            <strong>{formatText(unit, value)}</strong>
          </span>
        )
      })}
      {frame.lines.length === 0 ? <span className="muted">no data in this range</span> : null}
    </div>
  )
}

function FrameTable({ frame, unit, height }: { readonly frame: Frame; readonly unit: Unit; readonly height: number }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="frame-table" style={{ maxHeight: height + 40 }} tabIndex={0} aria-label="The chart as a table">
      <table className="list num">
        <thead>
          <tr>
            <th scope="col">time</th>
            {frame.lines.map((line) => (
              <th key={line.name} scope="col" className="right">
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tableRows(frame, 120).map((row) => (
            <tr key={row.at}>
              <td>{formatClock(row.at * 1000)}</td>
              {row.values.map((value, i) => (
                <td key={frame.lines[i]?.name} className="right">
                  {formatText(unit, value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** `open` for `{channel="open"}` by that label; otherwise the labels as PromQL writes them. */
export function nameLine(labels: Readonly<Record<string, string>>, legend: string | undefined, title: string): string {
  if (legend !== undefined && labels[legend] !== undefined) return labels[legend]
  const rest = Object.entries(labels).filter(([name]) => name !== '__name__')
  const name = labels['__name__'] ?? ''
  if (rest.length === 0) return name === '' ? title : name
  if (rest.length === 1 && name === '') return rest[0]![1]
  return `${name}{${rest.map(([key, value]) => `${key}="${value}"`).join(', ')}}`
}

function unitWord(frame: Frame, limit: number | null, unit: Unit): string {
  const [low, high] = yRange(extentOf(frame), limit ?? undefined, unit)
  return axisScale(low, high, unit).unit
}
