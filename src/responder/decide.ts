/**
 * The loop as a state machine: what is known and what happened in, what changes and what is to be done out.
 *
 * - Pure: the same world, event and instant give the same decision, so that an audit can be replayed.
 * - A decision is one batch: incident, ticket, intent, message and audit are durable together or not at all.
 */
import type { UnixMs } from '#core'
import { calm, type Ended, ended, type Judged, judged, switched } from './act.ts'
import { detect, type FiringAlert } from './detect.ts'
import { type Decision, Draft, type LoopConfig, type World } from './draft.ts'
import { follow, moveClock, type Observed } from './follow.ts'
import type { Judgement } from './rails.ts'

export type LoopEvent =
  | ({ readonly kind: 'alert' } & FiringAlert)
  | ({ readonly kind: 'observed' } & Observed)
  | ({ readonly kind: 'judged' } & Judged)
  | ({ readonly kind: 'ended' } & Ended)
  | { readonly kind: 'calm'; readonly incident: string; readonly below: boolean | undefined }
  | { readonly kind: 'paused' | 'resumed'; readonly by: string }
  | { readonly kind: 'clock'; readonly byMs: number }

export type Decided = Decision & {
  /** What the rails said, when they were asked. */
  readonly judgement?: Judgement
}

export function decide(world: World, event: LoopEvent, config: LoopConfig, at: UnixMs): Decided {
  const draft = new Draft(world, config, at)
  let judgement: Judgement | undefined
  switch (event.kind) {
    case 'alert':
      detect(draft, event)
      break
    case 'observed':
      follow(draft, event)
      break
    case 'judged':
      judgement = judged(draft, event)
      break
    case 'ended':
      ended(draft, event)
      break
    case 'calm':
      calm(draft, event.incident, event.below)
      break
    case 'paused':
    case 'resumed':
      switched(draft, event.by, event.kind === 'paused')
      break
    case 'clock':
      moveClock(draft, event.byMs)
      break
    default:
      event satisfies never
  }
  return { ...draft.decision(), ...(judgement === undefined ? {} : { judgement }) }
}
