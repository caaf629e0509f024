/**
 * The first two lines of the overview: what is wrong, as a person would say it; and since when, what was done, what to do.
 * Pure.
 */
import type { UnixMs } from '#core'
import type { Incident } from '#responder'
import type { Loop } from '../types.ts'
import type { OverviewWire, PartState, PartWire } from '../wire.ts'
import { WAITING, worstIncident } from './part-state.ts'
import { formatSpan } from './quantity.ts'

export type Story = {
  readonly parts: readonly PartWire[]
  /** All that are known, resolved ones too. */
  readonly incidents: readonly Incident[]
  readonly mode: OverviewWire['mode']
  readonly loop: Pick<Loop, 'approval' | 'verifyUntil'>
  readonly now: UnixMs
}

/** The worst first: what nothing is known of stands before what is known to be bad. */
const ORDER: readonly PartState[] = ['blind', 'escalated', 'firing', 'acting', 'verifying', 'pending', 'paused', 'ok']

export function overallState(parts: readonly PartWire[], mode: OverviewWire['mode']): PartState {
  const worst = ORDER.find((state) => parts.some((part) => part.state === state)) ?? 'ok'
  return worst === 'ok' && mode === 'paused' ? 'paused' : worst
}

export function tell(story: Story): { readonly sentence: string; readonly detail: string } {
  const { parts } = story
  if (parts.length === 0) return { sentence: 'Nothing is watched yet.', detail: 'Add a part to the definition.' }
  const blind = parts.filter(({ state }) => state === 'blind')
  const open = openIncidents(story, blind)
  const troubles = [...blind.map(blindHeadline), ...open.map((one) => headline(one.title))]
  if (troubles.length > 2) {
    const names = listed([
      ...new Set([...blind.map(({ title }) => title), ...open.flatMap((one) => titlesOf(one, parts))]),
    ])
    return { sentence: `${troubles.length} things are wrong: ${names}.`, detail: detailOf(story, blind, open) }
  }
  if (troubles.length > 0) return { sentence: `${troubles.join(', and ')}.`, detail: detailOf(story, blind, open) }
  return quiet(story)
}

/** Those that a blind part or another open incident does not explain already. */
function openIncidents({ incidents }: Story, blind: readonly PartWire[]): readonly Incident[] {
  const open = incidents.filter(({ state }) => state !== 'resolved')
  const told = new Set(blind.flatMap(({ incident }) => (incident === null ? [] : [incident])))
  const known = new Set(open.map(({ id }) => id))
  return open.filter(({ id, cause }) => !told.has(id) && (cause === undefined || !known.has(cause)))
}

function blindHeadline({ title, reason }: PartWire): string {
  const [why = ''] = clauses(reason)
  // A target that answers is reached; what it answers is what can't be seen.
  return `${title} can't be ${why.startsWith('it answers') ? 'seen' : 'reached'}: ${why}`
}

/** `mes answers slowly` of `mes answers slowly: p95 above 500 ms for 5 min`. */
function headline(title: string): string {
  return title.split(': ', 1)[0] ?? title
}

function detailOf(story: Story, blind: readonly PartWire[], open: readonly Incident[]): string {
  const part = blind[0]
  if (part !== undefined) {
    const since = part.since === null ? 'No data' : `No data for ${formatSpan(story.now - Date.parse(part.since))}`
    const [, ...toDo] = clauses(part.reason)
    const next = toDo.length === 0 ? '' : ` To do: ${sentenceOf(toDo.join('; '))}`
    return `${since}: nothing is known of ${part.title}, so nothing acts on it.${next}`
  }
  const worst = worstIncident(open)
  return worst === undefined ? '' : incidentDetail(story, worst)
}

function incidentDetail({ now, loop, mode }: Story, incident: Incident): string {
  const last = incident.timeline.findLast(({ kind }) =>
    ['acted', 'undone', 'refused', 'ticketed', 'notified'].includes(kind),
  )
  const done = last === undefined ? '' : ` ${sentenceOf(last.text)}`
  return `For ${formatSpan(now - incident.activeAt)}.${done} ${nextStep(incident, mode, loop, now)}`.trim()
}

function nextStep(incident: Incident, mode: OverviewWire['mode'], loop: Story['loop'], now: UnixMs): string {
  const approval = loop.approval(incident.id)
  if (approval !== undefined) {
    return `You are asked: ${sentenceOf(approval.text)} The question stands for ${formatSpan(approval.expiresAt - now)}.`
  }
  const until = loop.verifyUntil(incident.id)
  switch (incident.state) {
    case 'verifying':
      return until === undefined
        ? 'Watching whether it helps.'
        : `Watching for ${formatSpan(until - now)} more whether it helps.`
    case 'acting':
      return 'An action is under way.'
    case 'escalated':
      return 'It did not help; a person has to look.'
    default:
      return mode === 'paused' ? 'Acting is paused; resume it, or act by hand.' : ''
  }
}

function quiet({ parts, incidents, mode, now }: Story): { sentence: string; detail: string } {
  const waiting = parts.filter(({ reason }) => reason === WAITING)
  if (waiting.length > 0) {
    const what =
      waiting.length === parts.length
        ? 'Waiting for the first data.'
        : `Waiting for the first data of ${listed(waiting.map(({ title }) => title))}.`
    return { sentence: what, detail: `${parts.length - waiting.length} of ${parts.length} parts have answered.` }
  }
  const pending = parts.find(({ state }) => state === 'pending')
  if (pending !== undefined) {
    const since = pending.since === null ? '' : `For ${formatSpan(now - Date.parse(pending.since))} so far. `
    return {
      sentence: `${pending.title} is being watched: ${pending.reason}.`,
      detail: `${since}Nothing is done until it has lasted.`,
    }
  }
  const last = incidents.reduce((latest, { resolvedAt }) => Math.max(latest, resolvedAt ?? 0), 0)
  const history = last === 0 ? 'No incident so far.' : `The last incident was resolved ${formatSpan(now - last)} ago.`
  const paused = mode === 'paused' ? ' Acting is paused.' : ''
  return { sentence: 'All is well.', detail: `${parts.length} parts watched. ${history}${paused}` }
}

function titlesOf({ parts: ids }: Incident, parts: readonly PartWire[]): readonly string[] {
  return ids.map((id) => parts.find((part) => part.id === id)?.title ?? id)
}

/** What is wrong, then what to do: our error sentences part the two with a semicolon. */
function clauses(reason: string): readonly string[] {
  return reason.replace(/\.$/, '').split('; ')
}

function sentenceOf(text: string): string {
  const trimmed = text.trim()
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
