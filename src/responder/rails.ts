/**
 * The rails: what may keep an action from being done.
 *
 * - Each is a pure function of the proposal, the facts and the instant, and says its reason in words.
 * - All are asked and recorded, also when one refuses: a person sees the whole picture, and an audit can be replayed.
 * - No rail mutes a message: they bound what assay does, never what it tells.
 */
import { formatDuration, type UnixMs, unixMs } from '#core'
import type { Mode, Refusal } from './types.ts'

export type Proposal = {
  /** Deterministic: the same step of the same incident has the same id before and after a crash. */
  readonly id: string
  readonly incident: string
  readonly policy: string
  readonly kind: 'scaleOut' | 'scaleIn' | 'restart'
  readonly part: string
  readonly target: string
  /** Counted from 1 within one step of one episode. */
  readonly attempt: number
  /** Instances before and after. */
  readonly from: number
  readonly to: number
}

/** Everything that rails look at; plain JSON, so that the audit holds it as it was. */
export type Facts = {
  readonly mode: Mode
  /** Who said yes to exactly this proposal. */
  readonly approvedBy?: string | undefined
  readonly paused?: { readonly by: string; readonly at: number } | undefined
  /** The condition as measured just before: `blind` when there is no data. */
  readonly health: 'good' | 'bad' | 'blind'
  readonly min: number
  readonly max: number
  /** For a restart: instances that must stay ready meanwhile. */
  readonly minHealthy: number
  /** What the runtime says; absent when it does not answer, with the reason. */
  readonly status?: { readonly desired: number; readonly ready: number } | undefined
  readonly statusError?: string | undefined
  /** The action under way on this target. */
  readonly busy?: string | undefined
  readonly lastAction?:
    | {
        readonly id: string
        readonly incident: string
        readonly at: number
        readonly verifiedAt?: number | undefined
      }
    | undefined
  readonly cooldownMs: number
  readonly budget: { readonly used: number; readonly limit: number; readonly windowMs: number }
  readonly failedInRow: number
  readonly breakAfter: number
  /** A part that this one uses and that is down. */
  readonly dependency?: { readonly part: string; readonly reason: string } | undefined
  /** Parts that are being acted upon or verified, this one not counted, of all parts. */
  readonly acting: { readonly parts: number; readonly of: number; readonly share: number }
  /** Another condition of this part that holds: nothing is taken away meanwhile. */
  readonly otherIncident?: string | undefined
}

/** `next`: wait and propose again, ask a person, or give it up: waiting will not help. */
export type RailVerdict =
  | { readonly rail: string; readonly allow: true; readonly reason: string }
  | (Refusal & { readonly next: 'wait' | 'ask' | 'give-up' })

type Answer =
  | { readonly yes: string }
  | { readonly no: string; readonly next: 'wait' | 'ask' | 'give-up'; readonly retryAt?: UnixMs }
type Rail = (proposal: Proposal, facts: Facts, at: UnixMs) => Answer

const seconds = (ms: number) => formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000))

export const RAILS: Readonly<Record<string, Rail>> = {
  /** The kill switch. */
  switch: (_, { paused }) =>
    paused === undefined ? { yes: 'not paused' } : { no: `paused by ${paused.by}`, next: 'wait' },

  /** Missing data is no reason to act. */
  data: (_, { health }) =>
    health === 'blind'
      ? { no: 'there is no data: what is not known is not acted upon', next: 'wait' }
      : { yes: 'data is fresh' },

  /** Read again just before acting. */
  condition: ({ kind }, { health }) => {
    if (kind === 'scaleIn') {
      return health === 'bad'
        ? { no: 'the condition holds again', next: 'give-up' }
        : { yes: 'the condition is healthy' }
    }
    return health === 'good'
      ? { no: 'the condition no longer holds', next: 'wait' }
      : { yes: 'the condition still holds' }
  },

  mode: (_, { mode, approvedBy }) => {
    if (mode === 'observe') return { no: 'the mode is observe: recorded, not done', next: 'give-up' }
    if (approvedBy !== undefined) return { yes: `approved by ${approvedBy}` }
    return mode === 'auto' ? { yes: 'the mode is auto' } : { no: 'the mode is suggest: a person decides', next: 'ask' }
  },

  /** The runtime answers, and what is asked of it lies within what the definition allows. */
  bounds: ({ kind, from, to }, { status, statusError, min, max, minHealthy }) => {
    if (status === undefined)
      return { no: `the runtime does not answer: ${statusError ?? 'no reason given'}`, next: 'wait' }
    if (status.desired !== from) return { no: `${status.desired} instances run, ${from} were expected`, next: 'wait' }
    if (kind === 'scaleOut') {
      return to > max
        ? { no: `${from} of at most ${max} instances run already`, next: 'give-up' }
        : { yes: `${to} of at most ${max} instances` }
    }
    if (kind === 'scaleIn') {
      return to < min
        ? { no: `${from} instances are the least (${min})`, next: 'give-up' }
        : { yes: `${to} of at least ${min} instances` }
    }
    // One instance is away at a time.
    return status.ready - 1 < minHealthy
      ? {
          no: `${status.ready} of ${status.desired} instances are ready and ${minHealthy} must stay so while one restarts`,
          next: 'wait',
        }
      : { yes: `${status.ready} of ${status.desired} are ready, at least ${minHealthy} stay so` }
  },

  /** One action at a time on one target. */
  busy: (_, { busy }) =>
    busy === undefined ? { yes: 'nothing else acts on it' } : { no: `action ${busy} is under way on it`, next: 'wait' },

  /** After an action the target rests, and only health that was seen to hold ends the rest. */
  cooldown: ({ incident, attempt, kind }, { lastAction, cooldownMs, approvedBy }, at) => {
    if (lastAction === undefined) return { yes: 'nothing was done to it before' }
    if (lastAction.incident === incident && lastAction.verifiedAt === undefined && attempt > 1) {
      return { yes: 'the attempt before had its time to help' }
    }
    const sinceMs = at - lastAction.at
    if (kind === 'scaleIn' && lastAction.verifiedAt !== undefined) return { yes: 'the last action was verified' }
    if (sinceMs < cooldownMs) {
      const retryAt = unixMs(lastAction.at + cooldownMs)
      return {
        no: `the last action was ${seconds(sinceMs)} ago and it rests for ${seconds(cooldownMs)}`,
        next: 'wait',
        retryAt,
      }
    }
    if (lastAction.verifiedAt === undefined && approvedBy === undefined) {
      return { no: 'the last action has not been followed by health', next: 'ask' }
    }
    return { yes: `the last action was ${seconds(sinceMs)} ago` }
  },

  /** Over it a person decides: many actions at once are a sign that something else is wrong. */
  budget: (_, { budget, approvedBy }) => {
    if (budget.used < budget.limit || approvedBy !== undefined) {
      return { yes: `${budget.used} of ${budget.limit} actions in ${seconds(budget.windowMs)}` }
    }
    return { no: `${budget.used} actions in ${seconds(budget.windowMs)} are the budget`, next: 'ask' }
  },

  /** Share of the system that is being acted upon. */
  blast: (_, { acting, approvedBy }) => {
    const share = (acting.parts + 1) / Math.max(1, acting.of)
    const text = `${acting.parts + 1} of ${acting.of} parts acted upon at once`
    if (acting.parts === 0 || share <= acting.share || approvedBy !== undefined) return { yes: text }
    return { no: `${text}, ${Math.round(acting.share * 100)} % is the most`, next: 'wait' }
  },

  /** Actions that fail in a row say that the hands are broken, not the patients. */
  breaker: (_, { failedInRow, breakAfter, approvedBy }) =>
    failedInRow < breakAfter || approvedBy !== undefined
      ? { yes: failedInRow === 0 ? 'the last action succeeded' : `${failedInRow} failed in a row` }
      : { no: `${failedInRow} actions failed in a row`, next: 'ask' },

  /** What suffers from a dependency is not helped by being restarted. */
  dependency: ({ kind }, { dependency }) =>
    dependency === undefined || kind === 'scaleIn'
      ? { yes: 'no part it uses is down' }
      : { no: `${dependency.part} is down (${dependency.reason}), and acting here would not heal it`, next: 'wait' },

  /** Nothing is taken away from a part that has another trouble. */
  calm: ({ kind }, { otherIncident }) =>
    kind !== 'scaleIn' || otherIncident === undefined
      ? { yes: 'no other condition of the part holds' }
      : { no: `incident ${otherIncident} of the part is open`, next: 'wait' },
}

export type Judgement = {
  readonly outcome: 'act' | 'ask' | 'wait' | 'give-up'
  readonly verdicts: readonly RailVerdict[]
  /** The refusal that counts: the one that waits longest for something else. */
  readonly refusal: (RailVerdict & { readonly allow: false }) | undefined
}

/** Asks all rails. Asking a person comes only when nothing else is in the way. */
export function judge(proposal: Proposal, facts: Facts, at: UnixMs): Judgement {
  const verdicts = Object.entries(RAILS).map(([rail, ask]): RailVerdict => {
    const answer = ask(proposal, facts, at)
    if ('yes' in answer) return { rail, allow: true, reason: answer.yes }
    const { no: reason, next, retryAt } = answer
    return { rail, allow: false, reason, next, ...(retryAt === undefined ? {} : { retryAt }) }
  })
  const refusals = verdicts.filter((verdict) => !verdict.allow)
  const of = (next: 'wait' | 'ask' | 'give-up') => refusals.find((refusal) => refusal.next === next)
  const outcome =
    of('give-up') !== undefined
      ? 'give-up'
      : of('wait') !== undefined
        ? 'wait'
        : of('ask') !== undefined
          ? 'ask'
          : 'act'
  return { outcome, verdicts, refusal: outcome === 'act' ? undefined : of(outcome) }
}
