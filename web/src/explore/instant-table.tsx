/**
 * The answer at one instant as a table: a number with its unit, or a histogram as a small picture that opens to a large one.
 *
 * - Asked anew every five seconds; the rows of the question before stay until the new ones come.
 * - At most MAX_ROWS rows are shown, and how many more there are is said.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useId, useMemo, useState } from 'react'
import { useLive, useNow } from '../api/live.tsx'
import { type InstantAnswer, type InstantSample, instantQuery } from '../api/queries.ts'
import type { Unit } from '../api/wire.ts'
import { type Distribution, parseNumber, tryDistribution } from '../charts/distribution.ts'
import { nameLine, type Remarks } from '../charts-ui/chart-view.tsx'
import { LargeBars, SmallBars } from '../charts-ui/histogram-bars.tsx'
import { countUnit } from '../charts-ui/histogram-exprs.ts'
import { formatClock } from '../format/time.ts'
import { formatText } from '../format/value.ts'
import { Bones } from '../ui/feedback.tsx'

export const MAX_ROWS = 200
const REFRESH_MS = 5_000

type Props = {
  readonly expr: string
  readonly unit: Unit
  readonly onRemarks: (remarks: Remarks) => void
}

export function InstantTable({ expr, unit, onRemarks }: Props) {
  const now = useNow()
  const { fresh } = useLive()
  const at = Math.floor(now / REFRESH_MS) * REFRESH_MS
  const answer = useQuery({
    ...instantQuery(expr, at),
    placeholderData: keepPreviousData,
    enabled: fresh.kind !== 'lost',
  })
  const { data, error, isPending, isPlaceholderData } = answer
  useEffect(() => {
    if (isPending || isPlaceholderData) return
    onRemarks({ expr, error: error?.message, warnings: data?.warnings ?? [], infos: data?.infos ?? [] })
  }, [expr, data, error, isPending, isPlaceholderData, onRemarks])
  return (
    <section className="card instant" aria-label="The answer now">
      <div className="chart-head">
        <span className="eyebrow">now</span>
        <span className="muted num">{formatClock(at)}</span>
      </div>
      {isPending ? (
        <Bones rows={4} height={30} />
      ) : error !== null ? (
        <div className="chart-error instant-empty" role="alert">
          <strong>This question has no answer.</strong>
          <span>Why stands below the question.</span>
        </div>
      ) : data === undefined ? null : (
        <Rows result={data.result} unit={unit} counted={countUnit(expr)} />
      )}
    </section>
  )
}

type RowsProps = { readonly result: InstantAnswer['result']; readonly unit: Unit; readonly counted: Unit }

function Rows({ result, unit, counted }: RowsProps) {
  if (result.kind === 'text') return <p className="instant-text">{result.text}</p>
  const rows = result.kind === 'vector' ? result.samples : result.series.map(newestOf)
  if (rows.length === 0)
    return (
      <div className="chart-error instant-empty">
        <strong>Nothing answers to this now.</strong>
        <span>No series has a sample in the last minutes. Over time, there may be older ones.</span>
      </div>
    )
  return (
    <>
      <table className="list instant-rows">
        <thead>
          <tr>
            <th scope="col">series</th>
            <th scope="col" className="right">
              value
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((sample) => (
            <Row key={JSON.stringify(sample.metric)} sample={sample} unit={unit} counted={counted} />
          ))}
        </tbody>
      </table>
      {result.kind === 'matrix' ? (
        <p className="chart-note">A range of samples: the newest of each series is shown. Over time, all are drawn.</p>
      ) : null}
      {rows.length > MAX_ROWS ? (
        <p className="chart-note">
          {rows.length - MAX_ROWS} more series are not shown. Narrow the question, or sum some of them.
        </p>
      ) : null}
    </>
  )
}

function newestOf({
  metric,
  values = [],
  histograms = [],
}: Extract<InstantAnswer['result'], { kind: 'matrix' }>['series'][number]): InstantSample {
  const value = values.at(-1)
  const histogram = histograms.at(-1)
  const float = histogram === undefined || (value !== undefined && value[0] > histogram[0])
  if (float) return { metric, ...(value === undefined ? {} : { value }) }
  return { metric, histogram }
}

function Row({
  sample,
  unit,
  counted,
}: {
  readonly sample: InstantSample
  readonly unit: Unit
  readonly counted: Unit
}) {
  const wire = sample.histogram?.[1]
  const distribution = useMemo(() => (wire === undefined ? undefined : tryDistribution(wire)), [wire])
  const name = nameLine(sample.metric, undefined, 'value')
  if (distribution !== undefined)
    return <HistogramRow name={name} distribution={distribution} unit={unit} counted={counted} />
  const value = sample.value === undefined ? undefined : parseNumber(sample.value[1])
  return (
    <tr>
      <td className="instant-name">{name}</td>
      <td className="right num">
        <strong title={sample.value?.[1]}>
          {value === undefined ? 'a histogram that can’t be read' : formatText(unit, value)}
        </strong>
      </td>
    </tr>
  )
}

function HistogramRow({
  name,
  distribution,
  unit,
  counted,
}: {
  readonly name: string
  readonly distribution: Distribution
  readonly unit: Unit
  readonly counted: Unit
}) {
  const [open, setOpen] = useState(false)
  const id = useId()
  return (
    <>
      <tr>
        <td className="instant-name">{name}</td>
        <td className="right">
          <button
            type="button"
            className="instant-open num"
            aria-expanded={open}
            aria-controls={id}
            onClick={() => setOpen(!open)}
          >
            <SmallBars distribution={distribution} unit={unit} counted={counted} />
            <span className="instant-figures">
              <span>
                count <strong>{formatText(counted, distribution.count)}</strong>
              </span>
              <span>
                sum <strong>{formatText(unit, distribution.sum)}</strong>
              </span>
            </span>
            <span className="instant-sign" aria-hidden="true">
              {open ? '−' : '+'}
            </span>
          </button>
        </td>
      </tr>
      {open ? (
        <tr id={id} className="instant-large">
          <td colSpan={2}>
            <LargeBars distribution={distribution} unit={unit} counted={counted} />
          </td>
        </tr>
      ) : null}
    </>
  )
}
