/** Ask anything: PromQL in, a chart or a table out. The question and its unit live in the address. */
import { Button, Select, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Unit } from '../api/wire.ts'
import { RollingChart } from '../charts-ui/chart-view.tsx'
import { RangePicker, useRange } from '../charts-ui/range.tsx'
import { useParams } from '../routing/use-hash.ts'
import { useTitle } from '../ui/title.ts'
import { asked, remember } from './history.ts'
import './explore.css'

const UNITS: readonly { readonly value: Unit; readonly label: string }[] = [
  { value: 'count', label: 'plain number' },
  { value: 'seconds', label: 'seconds' },
  { value: 'ratio', label: 'ratio, as %' },
  { value: 'per_second', label: 'per second' },
  { value: 'bytes', label: 'bytes' },
]

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
  useTitle('Explore')
  return (
    <>
      <div className="page-head part-page-head">
        <div className="page-title">
          <h1>Explore</h1>
          <span className="aside">any question, in PromQL</span>
        </div>
        <RangePicker />
      </div>
      <Question
        key={expr}
        expr={expr}
        unit={unit}
        onUnit={(next) => setParams({ unit: next })}
        onAsk={(next) => {
          remember(next)
          setParams({ expr: next, unit }, true)
        }}
      />
      {expr === '' ? (
        <Ideas />
      ) : (
        <RollingChart
          title={`last ${range.words}`}
          name={expr}
          expr={expr}
          unit={unit}
          rangeMs={range.ms}
          height={380}
        />
      )}
    </>
  )
}

type QuestionProps = {
  readonly expr: string
  readonly unit: Unit
  readonly onAsk: (expr: string) => void
  readonly onUnit: (unit: Unit) => void
}

function Question({ expr, unit, onAsk, onUnit }: QuestionProps) {
  const [text, setText] = useState(expr)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (text.trim() !== '') onAsk(text.trim())
  }
  return (
    <form className="question" onSubmit={submit}>
      <Textarea
        aria-label="PromQL"
        className="question-text"
        autosize
        minRows={1}
        maxRows={8}
        value={text}
        placeholder="rate(http_server_request_duration_seconds_count[1m])"
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          // Enter asks; Shift and Enter is a new line.
          if (event.key === 'Enter' && !event.shiftKey) submit(event)
        }}
        spellCheck={false}
        autoComplete="off"
        data-autofocus
      />
      <Select
        aria-label="Unit"
        className="question-unit"
        data={UNITS}
        value={unit}
        allowDeselect={false}
        onChange={(value) => onUnit(UNITS.find((candidate) => candidate.value === value)?.value ?? 'count')}
      />
      <Button type="submit" disabled={text.trim() === ''}>
        Ask
      </Button>
    </form>
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
