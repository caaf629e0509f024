/** Sentences made of the wire's words: states, modes, kinds, actions, conditions. One place, so that a thing has one name. */
import type {
  ActionSpec,
  Condition,
  IncidentState,
  Mode,
  PartKind,
  PartState,
  PolicyWire,
  TimelineKind,
} from '../api/wire.ts'
import { formatSpan } from './time.ts'
import { formatText } from './value.ts'

export const KIND_WORDS: Record<PartKind, string> = {
  api: 'api',
  postgres: 'postgres',
  rabbitmq: 'rabbitmq',
  bucket: 's3 bucket',
  host: 'host',
  job: 'job',
}

export const MODE_WORDS: Record<Mode | 'paused', { readonly word: string; readonly meaning: string }> = {
  observe: { word: 'observe', meaning: 'records what it would have done, and does nothing' },
  suggest: { word: 'suggest', meaning: 'asks before it acts' },
  auto: { word: 'auto', meaning: 'acts by itself, within the rails' },
  paused: { word: 'paused', meaning: 'watches and tells, but acts on nothing until it is resumed' },
}

/** An incident's state as a part's, so that both wear the same mark. */
export const INCIDENT_MARK: Record<IncidentState, PartState> = {
  open: 'firing',
  acting: 'acting',
  verifying: 'verifying',
  resolved: 'ok',
  escalated: 'escalated',
}

export const TIMELINE_WORDS: Record<TimelineKind, string> = {
  detected: 'Detected',
  notified: 'Notified',
  ticketed: 'Ticket',
  proposed: 'Proposed',
  refused: 'Refused',
  approved: 'Approved',
  acted: 'Acted',
  verified: 'Verified',
  undone: 'Undone',
  escalated: 'Escalated',
  resolved: 'Resolved',
}

/** `p95 latency of mes above 500 ms for 5 min`. */
export function conditionSentence(condition: Condition, forMs: number): string {
  const side = condition.op === '>' ? 'above' : 'below'
  const held = forMs > 0 ? ` for ${formatSpan(forMs)}` : ''
  return `${condition.title} ${side} ${formatText(condition.unit, condition.threshold)}${held}`
}

/** What a step of a policy does: `open a ticket for developers`, `add an instance of mes (1 to 4)`. */
export function actionSentence(step: ActionSpec): string {
  switch (step.kind) {
    case 'ticket':
      return `open a ticket for ${step.receiver}`
    case 'notify':
      return `tell ${step.receiver}`
    case 'scaleOut':
      return `add an instance of ${step.part}, between ${step.min} and ${step.max}`
    case 'restart':
      return `restart ${step.part} one instance after the other, ${step.minHealthy} always healthy`
    default:
      return step satisfies never
  }
}

/** The whole policy as the company would say it: `When p95 latency of mes is above 500 ms for 5 min, open a ticket for developers.` */
export function policySentence(policy: Pick<PolicyWire, 'condition' | 'forMs' | 'steps' | 'title'>): string {
  const steps = policy.steps.map(actionSentence)
  const then = steps.length === 0 ? 'tell who looks' : steps.join(', then ')
  if (policy.condition === null) return `${policy.title}: ${then}.`
  const { title, op, threshold, unit } = policy.condition
  const held = policy.forMs > 0 ? ` for ${formatSpan(policy.forMs)}` : ''
  return `When ${title} is ${op === '>' ? 'above' : 'below'} ${formatText(unit, threshold)}${held}, ${then}.`
}
