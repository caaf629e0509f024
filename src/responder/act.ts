/**
 * Proposals, intents and outcomes.
 *
 * - An intent is written before the call, with the state it was decided on; its outcome after.
 * - An action's id follows from incident, episode, step and attempt: the same question has the same id.
 * - What scale-out added is taken back on the same incident, one instance at a time.
 */
import { type UnixMs, unixMs } from '#core'
import type { Json } from '#state'
import { takeStep, told } from './detect.ts'
import { type Draft, idOf, noted } from './draft.ts'
import { type Facts, type Judgement, judge, type Proposal } from './rails.ts'
import type { ActionRecord, IncidentRecord } from './records.ts'
import type { ActionSpec, PolicySpec } from './types.ts'
import { actionText, receiversOf, sentence } from './words.ts'

export type ActingStep = ActionSpec & { readonly kind: 'scaleOut' | 'restart' }

/** What is needed beside the proposal to write its intent. */
export type Intent = { readonly runtime: string; readonly workload: string; readonly pids: readonly number[] }

export type Judged = { readonly proposal: Proposal; readonly facts: Facts; readonly intent: Intent }
export type Ended = {
  readonly action: string
  /** `lost`: it turned out not to have happened. */
  readonly outcome: 'done' | 'failed' | 'lost'
  readonly error?: string | undefined
  /** Found out after a restart, by asking the runtime. */
  readonly reconciled: boolean
}

export function targetOf(step: Pick<ActingStep, 'runtime' | 'workload'>): string {
  return `${step.runtime}/${step.workload}`
}

/** The step that is due, when it acts. */
export function dueStep(policy: PolicySpec | undefined, record: IncidentRecord): ActingStep | undefined {
  const step = policy?.steps[record.step]
  return step?.kind === 'scaleOut' || step?.kind === 'restart' ? step : undefined
}

/** What the due step would do, given how many instances run. */
export function proposalOf(record: IncidentRecord, step: ActingStep, desired: number): Proposal {
  return {
    id: idOf(record.policy, record.id, record.episode, record.step, record.attempt),
    incident: record.id,
    policy: record.policy,
    kind: step.kind,
    part: step.part,
    target: targetOf(step),
    attempt: record.attempt,
    from: desired,
    to: step.kind === 'scaleOut' ? desired + 1 : desired,
  }
}

export function scaleInOf(record: IncidentRecord, step: ActingStep, desired: number): Proposal {
  return {
    id: idOf(record.policy, record.id, record.episode, 'in', record.scaled?.count ?? 0),
    incident: record.id,
    policy: record.policy,
    kind: 'scaleIn',
    part: step.part,
    target: targetOf(step),
    attempt: 1,
    from: desired,
    to: desired - 1,
  }
}

/** The rails' answer, and what follows: an intent, a question, a refusal or the next step. */
export function judged(draft: Draft, event: Judged): Judgement {
  const judgement = judge(event.proposal, event.facts, draft.at)
  const record = draft.incident(event.proposal.incident)
  if (record === undefined) return judgement
  if (event.proposal.kind === 'scaleIn') judgedScaleIn(draft, record, event, judgement)
  else judgedStep(draft, record, event, judgement)
  return judgement
}

function judgedStep(draft: Draft, given: IncidentRecord, event: Judged, judgement: Judgement): void {
  const { at, config } = draft
  const { proposal, facts } = event
  const rails = judgement.verdicts.map(({ rail, allow, reason }) => ({ rail, allow, reason }))
  const text = actionText(proposal, draft.titleOf(proposal.part))
  let record = given
  const note = (kind: 'proposed' | 'refused' | 'approved', line: string) => {
    record = noted(record, { at, kind, text: sentence(line), action: proposal.id, rails })
  }
  const isNew = !record.timeline.some(({ kind, action }) => kind === 'proposed' && action === proposal.id)
  switch (judgement.outcome) {
    case 'act':
      if (facts.approvedBy !== undefined) note('approved', `${facts.approvedBy} approved to ${text}`)
      else if (isNew) note('proposed', text)
      auditJudged(draft, event, judgement)
      begin(draft, { ...record, phase: { kind: 'acting', action: proposal.id } }, event)
      return
    case 'ask': {
      if (record.phase.kind === 'asking' && record.phase.action === proposal.id) return
      if (isNew) note('proposed', `${text}? ${judgement.refusal?.reason ?? ''}`)
      auditJudged(draft, event, judgement)
      record = {
        ...record,
        phase: {
          kind: 'asking',
          action: proposal.id,
          text,
          from: proposal.from,
          to: proposal.to,
          expiresAt: unixMs(at + config.approvalMs),
        },
      }
      for (const receiver of receiversOf(draft.policy(record.policy), config.fallbackReceiver)) {
        record = told(
          draft,
          record,
          'asked',
          receiver,
          `assay wants to ${text}, and asks: approve it on the page of the incident`,
        )
      }
      draft.putIncident(record)
      return
    }
    case 'wait': {
      const { refusal } = judgement
      const { phase } = record
      const rail = refusal?.rail ?? ''
      const known = phase.kind === 'refused' && phase.rail === rail
      if (known && phase.retryAt === refusal?.retryAt) return
      if (!known) {
        note('refused', `not done: ${text}: ${refusal?.reason ?? ''}`)
        auditJudged(draft, event, judgement)
      }
      draft.putIncident({
        ...record,
        phase: {
          kind: 'refused',
          rail,
          since: phase.kind === 'refused' ? phase.since : at,
          ...(refusal?.retryAt === undefined ? {} : { retryAt: refusal.retryAt }),
          patient: judgement.verdicts.some((one) => !one.allow && (one.rail === 'dependency' || one.rail === 'switch')),
        },
      })
      return
    }
    case 'give-up': {
      auditJudged(draft, event, judgement)
      if (facts.mode === 'observe') note('proposed', `would ${text}; the mode is observe`)
      else {
        note('refused', `not done: ${text}: ${judgement.refusal?.reason ?? ''}`)
        record = { ...record, tried: [...record.tried, `not done: ${text}: ${judgement.refusal?.reason ?? ''}`] }
      }
      takeStep(draft, { ...record, step: record.step + 1, attempt: 1 })
      return
    }
    default:
      judgement.outcome satisfies never
  }
}

function judgedScaleIn(draft: Draft, record: IncidentRecord, event: Judged, judgement: Judgement): void {
  const { at, config } = draft
  const { scaled } = record
  if (scaled === undefined) return
  const { proposal } = event
  const text = actionText(proposal, draft.titleOf(proposal.part))
  switch (judgement.outcome) {
    case 'act': {
      auditJudged(draft, event, judgement)
      const { asking: _, ...rest } = scaled
      begin(draft, { ...record, scaled: { ...rest, action: proposal.id } }, event)
      return
    }
    case 'ask': {
      if (scaled.asking !== undefined && scaled.asking.expiresAt > at) return
      auditJudged(draft, event, judgement)
      const asking = { text, from: proposal.from, to: proposal.to, expiresAt: unixMs(at + config.approvalMs) }
      draft.putIncident({
        ...noted(record, {
          at,
          kind: 'proposed',
          text: sentence(`${text}? It is calm enough for one less`),
          action: proposal.id,
        }),
        scaled: { ...scaled, action: proposal.id, asking },
      })
      return
    }
    case 'wait':
      return
    case 'give-up': {
      auditJudged(draft, event, judgement)
      const { scaled: _, ...rest } = record
      draft.putIncident(judgement.refusal?.rail === 'condition' ? { ...rest, scaled: withoutCalm(scaled) } : rest)
      return
    }
    default:
      judgement.outcome satisfies never
  }
}

/** Writes the intent ahead and asks for the call. */
function begin(draft: Draft, record: IncidentRecord, { proposal, intent }: Judged): void {
  const { at } = draft
  const target = draft.target(proposal.target)
  const action: ActionRecord = {
    id: proposal.id,
    incident: record.id,
    policy: record.policy,
    kind: proposal.kind,
    part: proposal.part,
    runtime: intent.runtime,
    workload: intent.workload,
    target: proposal.target,
    from: proposal.from,
    to: proposal.to,
    pids: [...intent.pids],
    at,
    ...(target.lastAction === undefined ? {} : { previous: target.lastAction }),
  }
  draft.putAction(action)
  draft.putTarget({ ...target, busy: action.id, lastAction: { id: action.id, incident: record.id, at } })
  const { loop } = draft.world
  const since = at - draft.config.budget.windowMs
  draft.putLoop({ ...loop, actions: [...loop.actions.filter((one) => one > since), at] })
  draft.putIncident(record)
  draft.audit({ kind: 'intent', action: action as unknown as Json })
  draft.effects.push({ kind: 'act', action })
}

/** An action ended, or was found not to have happened. */
export function ended(draft: Draft, { action: id, outcome, error, reconciled }: Ended): void {
  const action = draft.world.actions.get(id)
  if (action === undefined || action.outcome !== undefined) return
  const { at } = draft
  draft.putAction({ ...action, outcome, endedAt: at, ...(error === undefined ? {} : { error }) })
  const { busy: _, ...target } = draft.target(action.target)
  const { lastAction: __, ...untouched } = target
  draft.putTarget(
    outcome !== 'lost'
      ? target
      : { ...untouched, ...(action.previous === undefined ? {} : { lastAction: action.previous }) },
  )
  const { loop } = draft.world
  draft.putLoop({
    ...loop,
    failedInRow: outcome === 'done' ? 0 : outcome === 'failed' ? loop.failedInRow + 1 : loop.failedInRow,
    actions: outcome === 'lost' ? without(loop.actions, action.at) : loop.actions,
  })
  draft.audit({ kind: 'outcome', action: id, incident: action.incident, outcome, reconciled, error })
  const record = draft.incident(action.incident)
  if (record === undefined) return
  if (action.kind === 'scaleIn') endedScaleIn(draft, record, action, outcome, error)
  else endedStep(draft, record, action, outcome, error, reconciled)
}

function endedStep(
  draft: Draft,
  given: IncidentRecord,
  action: ActionRecord,
  outcome: Ended['outcome'],
  error: string | undefined,
  reconciled: boolean,
): void {
  const { at } = draft
  const policy = draft.policy(given.policy)
  const done = doneText(action, draft.titleOf(action.part))
  const isCurrent = given.phase.kind === 'acting' && given.phase.action === action.id
  if (outcome === 'lost') {
    const text = `Not done: assay stopped before it could ${actionText(action, draft.titleOf(action.part))}; it is proposed anew.`
    const record = noted(given, { at, kind: 'refused', text, action: action.id })
    draft.putIncident(isCurrent ? { ...record, attempt: record.attempt + 1, phase: { kind: 'due' } } : record)
    return
  }
  if (outcome === 'failed') {
    const text = `could not ${actionText(action, draft.titleOf(action.part))}: ${error ?? 'no reason given'}`
    const record: IncidentRecord = {
      ...noted(given, { at, kind: 'acted', text: sentence(text), action: action.id }),
      tried: [...given.tried, text],
    }
    if (isCurrent) takeStep(draft, { ...record, step: record.step + 1, attempt: 1 })
    else draft.putIncident(record)
    return
  }
  const text = `${done}${reconciled ? ', as was seen after a restart of assay' : ''}`
  const { healthySince: _, ...rest } = noted(given, { at, kind: 'acted', text: sentence(text), action: action.id })
  const record: IncidentRecord = { ...rest, tried: [...rest.tried, done] }
  draft.putIncident({
    ...record,
    ...(action.kind === 'scaleOut'
      ? { scaled: { step: record.step, instances: action.to, count: record.scaled?.count ?? 0 } }
      : {}),
    ...(isCurrent
      ? { phase: { kind: 'verifying', action: action.id, until: unixMs(at + (policy?.verify.timeoutMs ?? 0)) } }
      : {}),
  })
}

function endedScaleIn(
  draft: Draft,
  record: IncidentRecord,
  action: ActionRecord,
  outcome: Ended['outcome'],
  error: string | undefined,
): void {
  const { at } = draft
  const { scaled, ...rest } = record
  if (scaled === undefined) return
  const next = {
    ...withoutCalm(scaled),
    count: scaled.count + 1,
    instances: outcome === 'done' ? action.to : scaled.instances,
  }
  const title = draft.titleOf(action.part)
  switch (outcome) {
    case 'done': {
      // The condition was healthy and stays watched: the calm of the next one is counted anew.
      const step = draft.policy(record.policy)?.steps[scaled.step]
      const more = step?.kind === 'scaleOut' && action.to > step.min
      const noteText = sentence(doneText(action, title))
      draft.putIncident({
        ...noted(rest, { at, kind: 'undone', text: noteText, action: action.id }),
        ...(more ? { scaled: next } : {}),
      })
      // Taking away is verified by the same calm that allowed it.
      const { busy: _, ...target } = draft.target(action.target)
      draft.putTarget({ ...target, lastAction: { id: action.id, incident: record.id, at: action.at, verifiedAt: at } })
      return
    }
    case 'failed': {
      const text = sentence(
        `could not ${actionText(action, title)}: ${error ?? 'no reason given'}; it is left as it is`,
      )
      draft.putIncident(noted(rest, { at, kind: 'undone', text, action: action.id }))
      return
    }
    case 'lost':
      draft.putIncident({ ...rest, scaled: next })
      return
    default:
      outcome satisfies never
  }
}

/** Whether one instance less would do now; `undefined`: not known. Counts the calm. */
export function calm(draft: Draft, incident: string, below: boolean | undefined): void {
  const record = draft.incident(incident)
  if (record?.scaled === undefined) return
  const { scaled } = record
  if (below === true) {
    if (scaled.belowSince === undefined) draft.putIncident({ ...record, scaled: { ...scaled, belowSince: draft.at } })
    return
  }
  if (scaled.belowSince !== undefined) draft.putIncident({ ...record, scaled: withoutCalm(scaled) })
}

/** The kill switch, and back. */
export function switched(draft: Draft, by: string, paused: boolean): void {
  const { paused: _, ...loop } = draft.world.loop
  draft.putLoop(paused ? { ...loop, paused: { by, at: draft.at } } : { ...loop, failedInRow: 0 })
  draft.audit({ kind: paused ? 'paused' : 'resumed', by })
}

/** The facts and the verdicts as they were: enough to decide the same again. */
function auditJudged(draft: Draft, { proposal, facts }: Judged, { outcome, verdicts }: Judgement): void {
  draft.audit({
    kind: 'judged',
    proposal: proposal as unknown as Json,
    facts: facts as unknown as Json,
    outcome,
    verdicts: verdicts as unknown as Json,
  })
}

function doneText({ kind, from, to }: ActionRecord, title: string): string {
  switch (kind) {
    case 'scaleOut':
      return `scaled ${title} out from ${from} to ${to} instances`
    case 'scaleIn':
      return `scaled ${title} in from ${from} to ${to} instances`
    case 'restart':
      return `restarted ${title}, its ${from} ${from === 1 ? 'instance' : 'instances'} one after the other`
    default:
      return kind satisfies never
  }
}

function withoutCalm(scaled: NonNullable<IncidentRecord['scaled']>): NonNullable<IncidentRecord['scaled']> {
  const { step, instances, count } = scaled
  return { step, instances, count }
}

function without(instants: readonly UnixMs[], one: UnixMs): UnixMs[] {
  const i = instants.indexOf(one)
  return instants.filter((_, at) => at !== i)
}
