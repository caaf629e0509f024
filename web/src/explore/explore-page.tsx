/** Ask anything: PromQL in, a chart or a table out. The question, its unit and its view live in the address. */
import { SegmentedControl } from '@mantine/core'
import { useMemo, useRef, useState } from 'react'
import type { Unit } from '../api/wire.ts'
import { type Remarks, RollingChart } from '../charts-ui/chart-view.tsx'
import { RangePicker, useRange } from '../charts-ui/range.tsx'
import { useParams } from '../routing/use-hash.ts'
import { useTitle } from '../ui/title.ts'
import { asked, remember } from './history.ts'
import { InstantTable } from './instant-table.tsx'
import { NoteList } from './note-list.tsx'
import { type Note, notesOf } from './notes.ts'
import { type EditorHandle, Question, UNITS } from './question.tsx'
import './explore.css'

const VIEWS = [
  { value: 'time', label: 'over time' },
  { value: 'now', label: 'now' },
] as const

const NO_NOTES: readonly Note[] = []

const EXAMPLES: readonly { readonly expr: string; readonly unit: Unit; readonly what: string }[] = [
  { expr: 'up', unit: 'count', what: 'what answers' },
  {
    expr: 'sum by (job, channel) (rate(http_server_request_duration_seconds_count[1m]))',
    unit: 'per_second',
    what: 'requests by service and channel',
  },
  {
    expr: 'histogram_quantile(0.95, sum by (le, job) (rate(http_server_request_duration_seconds_bucket[1m])))',
    unit: 'seconds',
    what: 'p95 by service',
  },
  { expr: 'sum by (job) (process_resident_memory_bytes)', unit: 'bytes', what: 'memory by service' },
  {
    expr: 'sum by (datname, state) (pg_stat_activity_count)',
    unit: 'count',
    what: 'connections by database and state',
  },
  { expr: 'rabbitmq_queue_messages_ready', unit: 'count', what: 'messages ready' },
]

export function ExplorePage() {
  const [params, setParams] = useParams()
  const [range] = useRange()
  const expr = params.get('expr') ?? ''
  const unit = UNITS.find((candidate) => candidate.value === params.get('unit'))?.value ?? 'count'
  const view = params.get('view') === 'now' ? 'now' : 'time'
  const [remarks, setRemarks] = useState<Remarks>()
  const notes = useMemo(
    () => (remarks === undefined || remarks.expr !== expr ? NO_NOTES : notesOf(remarks)),
    [remarks, expr],
  )
  const handle = useRef<EditorHandle>(undefined)
  useTitle('Explore')
  const ask = (next: string) => {
    remember(next)
    setParams({ expr: next, unit }, true)
  }
  return (
    <>
      <div className="page-head explore-head">
        <div className="page-title">
          <h1>Explore</h1>
          <span className="aside">any question, in PromQL</span>
        </div>
        <RangePicker />
      </div>
      <Question
        expr={expr}
        unit={unit}
        notes={notes}
        handle={handle}
        onUnit={(next) => setParams({ unit: next })}
        onAsk={ask}
      />
      <NoteList expr={expr} notes={notes} handle={handle} />
      {expr === '' ? (
        <Ideas />
      ) : (
        <>
          <SegmentedControl
            size="xs"
            className="explore-view"
            aria-label="The answer over time, or now"
            value={view}
            onChange={(next) => setParams({ view: next === 'now' ? 'now' : undefined })}
            data={[...VIEWS]}
          />
          {view === 'now' ? (
            <InstantTable expr={expr} unit={unit} onRemarks={setRemarks} />
          ) : (
            <RollingChart
              key={expr}
              title={`last ${range.words}`}
              name={expr}
              expr={expr}
              unit={unit}
              rangeMs={range.ms}
              height={380}
              exemplars
              onAsk={ask}
              onRemarks={setRemarks}
            />
          )}
        </>
      )}
    </>
  )
}

function Ideas() {
  const past = asked()
  return (
    <div className="ideas">
      <section className="card" aria-labelledby="ideas">
        <h2 className="eyebrow" id="ideas">
          To begin with
        </h2>
        <ul>
          {EXAMPLES.map(({ expr, unit, what }) => (
            <li key={expr}>
              <a href={`#/explore?${new URLSearchParams({ expr, unit })}`}>
                <span>{what}</span>
                <code>{expr}</code>
              </a>
            </li>
          ))}
        </ul>
      </section>
      {past.length === 0 ? null : (
        <section className="card" aria-labelledby="asked">
          <h2 className="eyebrow" id="asked">
            Asked before
          </h2>
          <ul>
            {past.map((expr) => (
              <li key={expr}>
                <a href={`#/explore?${new URLSearchParams({ expr })}`}>
                  <code>{expr}</code>
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}
