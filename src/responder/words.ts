/**
 * What the loop says: lines of a timeline, subjects and bodies of messages. Sentences a person would say, with the
 * measured values, and with what happens next.
 */
import type { Notification } from '#alerting'
import type { UnixMs } from '#core'
import { idOf, type LoopConfig } from './draft.ts'
import { formatInstant, formatMeasure, formatSpan } from './format.ts'
import type { Proposal } from './rails.ts'
import type { IncidentRecord } from './records.ts'
import type { ActionSpec, Condition, PolicySpec } from './types.ts'

/** `p95 latency of mes above 500 ms`. */
export function complaint(condition: Condition): string {
  const side = condition.op === '>' ? 'above' : 'below'
  return `${condition.title} ${side} ${formatMeasure(condition.threshold, condition.unit)}`
}

export function measured(record: IncidentRecord, value = record.value): string {
  return record.condition === undefined ? '' : formatMeasure(value, record.condition.unit)
}

/** One line: what is wrong, with the value. */
export function headline(record: IncidentRecord): string {
  return record.condition === undefined ? record.title : `${complaint(record.condition)}: ${measured(record)}`
}

export function actionText({ kind, from, to }: Pick<Proposal, 'kind' | 'from' | 'to'>, title: string): string {
  switch (kind) {
    case 'scaleOut':
      return `scale ${title} out from ${from} to ${to} instances`
    case 'scaleIn':
      return `scale ${title} in from ${from} to ${to} instances`
    case 'restart':
      return `restart ${title}, one of its ${from} instances after the other`
    default:
      return kind satisfies never
  }
}

export function stepText(step: ActionSpec): string {
  switch (step.kind) {
    case 'ticket':
      return 'open a ticket'
    case 'notify':
      return `tell ${step.receiver}`
    case 'scaleOut':
      return `scale ${step.part} out`
    case 'restart':
      return `restart ${step.part}`
    default:
      return step satisfies never
  }
}

/** First letter large, a full stop at the end. */
export function sentence(text: string): string {
  const trimmed = text.trim()
  return `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? '' : '.'}`
}

/** Who is told of a policy's incidents. */
export function receiversOf(policy: PolicySpec | undefined, fallback: string | undefined): readonly string[] {
  const named = (policy?.steps ?? []).flatMap((step) =>
    'receiver' in step && step.receiver !== '' ? [step.receiver] : [],
  )
  return [...new Set(named.length > 0 || fallback === undefined ? named : [fallback])]
}

export type MessageKind = 'opened' | 'again' | 'asked' | 'escalated' | 'resolved' | 'ticket'

/** One message of an incident. `next`: what follows now; each message has an id of its own, the same when repeated. */
export function message(
  record: IncidentRecord,
  kind: MessageKind,
  receiver: string,
  at: UnixMs,
  config: LoopConfig,
  next: string,
): Notification {
  const prefix: Readonly<Record<MessageKind, string>> = {
    opened: '',
    ticket: '',
    again: 'Again: ',
    asked: 'Approval wanted: ',
    escalated: 'Needs you: ',
    resolved: 'Resolved: ',
  }
  const link = `${config.externalUrl}/incidents/${record.id}`
  const what =
    kind === 'resolved' && record.condition !== undefined
      ? `${complaint(record.condition)}: over, now ${measured(record)}`
      : headline(record)
  const lines = [
    sentence(record.title),
    '',
    record.condition === undefined
      ? ''
      : sentence(
          `Measured: ${measured(record)}${record.worst === undefined ? '' : ` (worst: ${measured(record, record.worst)})`}`,
        ),
    `Since: ${formatInstant(record.activeAt)} (${formatSpan(at - record.activeAt)} ago)`,
    record.resolvedAt === undefined ? '' : `Over since: ${formatInstant(record.resolvedAt)}`,
    record.ticket === undefined ? '' : `Ticket: ${record.ticket}`,
    '',
    'What happened:',
    ...record.timeline.slice(-15).map((entry) => `  ${formatInstant(entry.at)}  ${entry.text}`),
    '',
    sentence(next),
    '',
    link,
  ]
  return {
    id: idOf(record.id, record.messages, kind, receiver),
    receiver,
    subject: `[${config.name}] ${prefix[kind]}${what}`,
    body: `${lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n')}\n`,
    details: {
      kind,
      incident: record.id,
      policy: record.policy,
      parts: record.parts.join(', '),
      since: new Date(record.activeAt).toISOString(),
      link,
      ...(record.ticket === undefined ? {} : { ticket: record.ticket }),
      ...(record.value === undefined ? {} : { value: String(record.value) }),
    },
  }
}
