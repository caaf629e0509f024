/** The types of the wire, taken from the server: the only thing of it that the UI knows. Types alone cross this line. */
import type { IncidentWire, PartPageWire, PartWire, PolicyWire, SignalWire } from '../../../src/server/wire.ts'

export type {
  CallerWire,
  EdgeWire,
  EventWire,
  IncidentSummaryWire,
  IncidentWire,
  OverviewWire,
  PartPageWire,
  PartState,
  PartWire,
  PolicyWire,
  SignalWire,
  TicketWire,
  TimelineWire,
} from '../../../src/server/wire.ts'

export type Unit = SignalWire['unit']
export type Chart = PartPageWire['charts'][number]
export type PartKind = PartWire['kind']
export type IncidentState = IncidentWire['state']
export type TimelineKind = IncidentWire['timeline'][number]['kind']
export type Condition = NonNullable<IncidentWire['condition']>
export type Mode = PolicyWire['mode']
export type ActionSpec = PolicyWire['steps'][number]
