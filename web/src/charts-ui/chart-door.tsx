/**
 * The door behind every number: `?chart=PART/SIGNAL` opens the chart of that number above whatever page one is on,
 * so that a picture can be sent as a link and closing it leads back to the same place.
 */
import { Modal } from '@mantine/core'
import { useLive } from '../api/live.tsx'
import type { PartWire, SignalWire } from '../api/wire.ts'
import { useParams } from '../routing/use-hash.ts'
import { RollingChart } from './chart-view.tsx'
import { exploreHref } from './links.ts'
import { RangePicker, useRange } from './range.tsx'

export function ChartDoor() {
  const [params, setParams] = useParams()
  const { overview } = useLive()
  const [partId, signalId] = params.get('chart')?.split('/') ?? []
  const part = overview?.parts.find((candidate) => candidate.id === partId)
  const signal = part?.signals.find((candidate) => candidate.id === signalId)
  return (
    <Modal
      opened={part !== undefined && signal !== undefined}
      onClose={() => setParams({ chart: undefined })}
      size="min(940px, 94vw)"
      title={part === undefined ? '' : `${part.title}, ${signal?.title ?? ''}`}
      centered
    >
      {part === undefined || signal === undefined ? null : <DoorBody part={part} signal={signal} />}
    </Modal>
  )
}

function DoorBody({ part, signal }: { readonly part: PartWire; readonly signal: SignalWire }) {
  const [range] = useRange()
  return (
    <div>
      <RollingChart
        bare
        title={`${signal.title} of ${part.title}, last ${range.words}`}
        name={signal.title}
        expr={signal.expr}
        unit={signal.unit}
        limit={signal.limit}
        exemplars
        accent={signal.limit !== null && signal.value !== null && signal.value > signal.limit ? true : undefined}
        rangeMs={range.ms}
        height={340}
      />
      <code className="door-expr">{signal.expr}</code>
      <div className="door-foot">
        <RangePicker />
        <span>
          <a className="link" href={`#/parts/${part.id}`}>
            All of {part.title}
          </a>
          {'  ·  '}
          <a className="link" href={exploreHref(signal.expr, signal.unit)}>
            Open in Explore
          </a>
        </span>
      </div>
    </div>
  )
}
