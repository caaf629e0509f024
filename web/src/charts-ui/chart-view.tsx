/**
 * One question as a chart: title, unit, threshold, range, legend with the values under the pointer, and the same as a table.
 *
 * - Native histograms are a heatmap, or lines of their count, average or quantiles, which are questions of their own.
 * - Exemplars are one more question, asked only where `exemplars` wants them and the expression is about histograms.
 * - While a new range loads, the old lines stay. When the answer fails, the reason stands where the chart would be.
 */
import { SegmentedControl } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react'
import { useLive, useNow } from '../api/live.tsx'
import { exemplarsQuery, rangeQuery } from '../api/queries.ts'
import type { Unit } from '../api/wire.ts'
import { axisScale, yRange } from '../charts/axis.ts'
import { type Exemplar, exemplarsOf, mayHaveExemplars, NO_EXEMPLARS, showsObserved } from '../charts/exemplars.ts'
import { EMPTY_FRAME, extentOf, type Frame, lastOf } from '../charts/frame.ts'
import { gridOf } from '../charts/grid.ts'
import { lineLook, readLook } from '../charts/look.ts'
import type { Mark, Span } from '../charts/overlay.ts'
import { openPlot, type Plot } from '../charts/plot.ts'
import { describe, tableRows } from '../charts/table.ts'
import { formatClock, formatInstant } from '../format/time.ts'
import { formatText } from '../format/value.ts'
import { Bones } from '../ui/feedback.tsx'
import { ExemplarList } from './exemplar-list.tsx'
import { HeatView, pickedOf } from './heat-view.tsx'
import { MEASURES, type Measure, questionOf } from './histogram-exprs.ts'
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
  /** Ask for exemplars too, and mark them. */
  readonly exemplars?: boolean
  /** Asks another question in place of this one; absent: none is proposed. */
  readonly onAsk?: (expr: string) => void
  /** Told what the engine says of the question, once an answer. The page then shows it, and not the chart. */
  readonly onRemarks?: (remarks: Remarks) => void
}

/** What the engine says of a question. */
export type Remarks = {
  readonly expr: string
  readonly error: string | undefined
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** What is drawn of histograms: the cells, or lines. */
type Face = 'heatmap' | Measure

const NONE: readonly string[] = []

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
  const histograms = answer.data?.histograms ?? []
  const [face, setFace] = useState<Face>('heatmap')
  const wanted = props.exemplars === true && !answer.isError && (histograms.length > 0 || mayHaveExemplars(expr))
  const asked = useQuery({ ...exemplarsQuery(expr, grid), placeholderData: keepPreviousData, enabled: wanted })
  const [picked, setPicked] = useState<string>()
  const shown = face === 'heatmap' ? pickedOf(histograms, picked)?.series.metric : undefined
  const known = (wanted ? asked.data : undefined) ?? NO_EXEMPLARS
  // The same list as long as nothing changed: a new one would draw the chart anew.
  const exemplars = useMemo(() => exemplarsOf(known, shown), [known, shown])
  const atValue = showsObserved(expr)
  const [chosen, setChosen] = useState<number>()
  useRemarks(
    props.onRemarks,
    // The lines of the question before stay on screen; its remarks would be told of the wrong text.
    answer.isPlaceholderData || answer.isPending
      ? undefined
      : {
          expr,
          error: answer.error?.message,
          warnings: answer.data?.warnings ?? NONE,
          infos: answer.data?.infos ?? NONE,
        },
  )
  // The chart of lines has its own head with its own table and unit.
  const lines = histograms.length > 0 && face !== 'heatmap' && frame.lines.length === 0
  const scale = histograms.length > 0 && frame.lines.length === 0 ? '' : unitWord(frame, limit, unit)
  return (
    <figure className={bare ? 'chart' : 'chart card'} aria-labelledby={id}>
      <figcaption className="chart-head">
        <span className="eyebrow" id={id}>
          {title}
        </span>
        <span className="chart-tools">
          {props.actions}
          {histograms.length === 0 ? null : <FacePicker face={face} onFace={setFace} />}
          {lines ? null : (
            <button type="button" className="chart-toggle" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
              {asTable ? 'chart' : 'table'}
            </button>
          )}
          <span className="chart-unit">{scale}</span>
        </span>
      </figcaption>
      {answer.isPending && answer.fetchStatus !== 'idle' ? (
        <Bones rows={1} height={height} />
      ) : answer.isError ? (
        <div className="chart-error" style={{ minHeight: height }} role="alert">
          <strong>This question has no answer.</strong>
          <span>{props.onRemarks === undefined ? answer.error.message : 'Why stands below the question.'}</span>
        </div>
      ) : (
        <>
          {histograms.length === 0 ? null : face === 'heatmap' ? (
            <HeatView
              title={title}
              expr={expr}
              list={histograms}
              grid={grid}
              unit={unit}
              height={height}
              asTable={asTable}
              picked={picked}
              onPick={setPicked}
              exemplars={exemplars.list}
              chosen={chosen}
              onExemplar={setChosen}
              onWidth={setWidth}
              onAsk={props.onAsk}
            />
          ) : (
            <MeasureChart {...props} measure={face} height={height} />
          )}
          {histograms.length > 0 && frame.lines.length === 0 ? null : asTable ? (
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
              marked={exemplars.list}
              atValue={atValue}
              chosen={chosen}
              onExemplar={setChosen}
            />
          )}
          {face === 'heatmap' && !asTable ? (
            <ExemplarList
              exemplars={exemplars}
              chosen={chosen}
              onChoose={setChosen}
              unit={unit === 'per_second' ? 'count' : unit}
              atFoot={histograms.length === 0 && !atValue}
            />
          ) : null}
        </>
      )}
      {props.onRemarks === undefined
        ? answer.data?.warnings.map((text) => (
            <p key={text} className="chart-note">
              {text}
            </p>
          ))
        : null}
      {frame.dropped > 0 ? (
        <p className="chart-note">
          {frame.dropped} more lines are not drawn. Narrow the question, or sum some of them.
        </p>
      ) : null}
    </figure>
  )
}

/** Tells the remarks when they change, not at each drawing. */
function useRemarks(tell: ChartViewProps['onRemarks'], remarks: Remarks | undefined): void {
  const told = useRef('')
  const text = JSON.stringify(remarks)
  useEffect(() => {
    if (tell === undefined || remarks === undefined || text === told.current) return
    told.current = text
    tell(remarks)
  }, [tell, remarks, text])
}

const FACES: readonly Face[] = ['heatmap', ...MEASURES]

function FacePicker({ face, onFace }: { readonly face: Face; readonly onFace: (face: Face) => void }) {
  return (
    <SegmentedControl
      size="xs"
      aria-label="What is drawn of the histograms"
      value={face}
      onChange={onFace}
      data={[...FACES]}
    />
  )
}

/** The lines behind a heatmap: another question, in a chart of its own. */
function MeasureChart({ measure, ...props }: ChartViewProps & { readonly measure: Measure }) {
  const question = questionOf(measure, props.expr, props.unit)
  const { onRemarks: _, ...rest } = props
  return <ChartView {...rest} {...question} name={question.title} bare exemplars={measure !== 'count'} />
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
  readonly marked: readonly Exemplar[]
  readonly atValue: boolean
  readonly chosen: number | undefined
  readonly onExemplar: (index: number | undefined) => void
}

function PlotBox(props: PlotBoxProps) {
  const { frame, unit, limit, spans, marks, accent, from, to, height, onWidth, title } = props
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
    exemplars: props.marked,
    exemplarsAtValue: props.atValue,
    chosen: props.chosen,
  }
  const told = useRef(props.onExemplar)
  told.current = props.onExemplar
  const latest = useRef(spec)
  latest.current = spec
  useEffect(() => {
    const element = box.current
    if (element === null) return
    onWidth(element.clientWidth)
    const opened = openPlot(element, latest.current, (index, exemplar) => {
      setHover(index)
      told.current(exemplar)
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
