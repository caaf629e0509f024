/**
 * An incident as five steps: condition true, detected, acted, verifying, resolved. Pure: from the wire and "now".
 *
 * - A step is `done`, `now`, `failed` or `todo`; exactly one is `now` while the incident lives, none after.
 * - Times after the first are differences to the step before, as one would say them: "a minute later".
 */
import type { IncidentWire, TimelineKind, TimelineWire } from '../api/wire.ts'
import { formatInstant, formatTimer, tryInstant } from '../format/time.ts'

export type StepState = 'done' | 'now' | 'failed' | 'todo'
export type Step = {
  readonly id: 'true' | 'detected' | 'acted' | 'verifying' | 'end'
  readonly state: StepState
  /** `14:00:10`, `+2:00`, `1:20 left`, `—`. */
  readonly when: string
  readonly title: string
  /** The sentence behind it; '' where there is none. */
  readonly text: string
}

const ACTING: readonly TimelineKind[] = ['acted', 'ticketed', 'notified']
const NONE = '—'

export function stepsOf(incident: IncidentWire, nowMs: number): readonly Step[] {
  const { state, timeline, approval } = incident
  const active = tryInstant(incident.activeAt)
  const opened = tryInstant(incident.openedAt)
  const ended = tryInstant(incident.resolvedAt)
  const over = state === 'resolved'
  const act = lastAct(timeline)
  const actAt = tryInstant(act?.at)
  const verified = last(timeline, 'verified')
  const refused = last(timeline, 'refused')
  const escalated = state === 'escalated' ? last(timeline, 'escalated') : undefined

  const acted: Step = {
    id: 'acted',
    state:
      act !== undefined && state !== 'acting' && approval === null
        ? 'done'
        : over
          ? 'todo'
          : state === 'escalated' && act === undefined
            ? 'failed'
            : 'now',
    when: actAt !== undefined && opened !== undefined && approval === null ? `+${formatTimer(actAt - opened)}` : NONE,
    title:
      approval !== null
        ? 'waiting for you'
        : act === undefined
          ? refused === undefined
            ? over
              ? 'nothing was done'
              : 'deciding'
            : 'refused'
          : actTitle(act, incident.ticket),
    text: approval !== null ? approval.text : (act?.text ?? refused?.text ?? ''),
  }
  const waiting = acted.state === 'now'
  const until = tryInstant(incident.verifyUntil)
  const verifying: Step = {
    id: 'verifying',
    state: over ? 'done' : state === 'escalated' ? 'failed' : waiting ? 'todo' : 'now',
    when:
      over || state === 'escalated' || waiting
        ? NONE
        : until === undefined
          ? 'watching'
          : `${formatTimer(until - nowMs)} left`,
    title: over ? 'verified' : state === 'escalated' ? 'did not help' : 'verifying',
    text: verified?.text ?? '',
  }
  const verifiedAt = tryInstant(verified?.at)
  const from = actAt ?? opened
  return [
    {
      id: 'true',
      state: 'done',
      when: active === undefined ? NONE : formatInstant(active, nowMs),
      title: 'condition true',
      text: '',
    },
    {
      id: 'detected',
      state: 'done',
      when: active === undefined || opened === undefined ? NONE : `+${formatTimer(opened - active)}`,
      title: 'detected',
      text: '',
    },
    acted,
    verifiedAt === undefined || from === undefined
      ? verifying
      : { ...verifying, when: `+${formatTimer(verifiedAt - from)}` },
    endOf(incident, escalated, opened, ended),
  ]
}

function endOf(
  incident: IncidentWire,
  escalated: TimelineWire | undefined,
  opened: number | undefined,
  ended: number | undefined,
): Step {
  if (incident.state === 'escalated') {
    const at = tryInstant(escalated?.at)
    return {
      id: 'end',
      state: 'now',
      when: at === undefined || opened === undefined ? NONE : `+${formatTimer(at - opened)}`,
      title: 'a person is needed',
      text: escalated?.text ?? '',
    }
  }
  if (incident.state !== 'resolved') return { id: 'end', state: 'todo', when: NONE, title: 'resolved', text: '' }
  return {
    id: 'end',
    state: 'done',
    when: ended === undefined || opened === undefined ? NONE : `after ${formatTimer(ended - opened)}`,
    title: 'resolved',
    text: '',
  }
}

/** The strongest thing done, and of those the newest: an action over a ticket over a message. */
function lastAct(timeline: readonly TimelineWire[]): TimelineWire | undefined {
  for (const kind of ACTING) {
    const found = last(timeline, kind)
    if (found !== undefined) return found
  }
  return undefined
}

function actTitle(act: TimelineWire, ticket: string | null): string {
  if (act.kind === 'ticketed') return ticket === null ? 'ticket opened' : `ticket #${ticket}`
  return act.kind === 'notified' ? 'people told' : 'acted'
}

function last(timeline: readonly TimelineWire[], kind: TimelineKind): TimelineWire | undefined {
  return timeline.findLast((entry) => entry.kind === kind)
}
