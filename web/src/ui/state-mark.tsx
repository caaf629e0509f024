/**
 * A state as a shape, then a word, and only then a colour: each mark can be told from every other without colour.
 */
import type { PartState } from '../api/wire.ts'
import './state-mark.css'

export const STATE_WORDS: Record<PartState, string> = {
  ok: 'ok',
  pending: 'pending',
  firing: 'firing',
  acting: 'acting',
  verifying: 'verifying',
  escalated: 'escalated',
  blind: 'blind',
  paused: 'paused',
}

/** What a state means, for the help and for screen readers. */
export const STATE_MEANINGS: Record<PartState, string> = {
  ok: 'data is fresh, and no condition is true',
  pending: 'a condition is true, but not yet for its time; or the first data is still to come',
  firing: 'a condition has been true for its time: an incident is open',
  acting: 'an action is under way',
  verifying: 'an action was done; the same condition is watched until it is proven healthy',
  escalated: 'what could be done within the rails was done and did not help: a person is needed',
  blind: 'there is no data, so nothing is known; never the same as ok',
  paused: 'assay watches and tells, but acts on nothing',
}

export const PART_STATE_LIST = Object.keys(STATE_WORDS) as readonly PartState[]

export function StateMark({ state, size = 14 }: { readonly state: PartState; readonly size?: number }) {
  return (
    <svg
      className={`mark mark-${state}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      aria-hidden="true"
      focusable="false"
    >
      <Shape state={state} />
    </svg>
  )
}

/** The word in its colour, with the mark before it. */
export function StateWord({ state, word }: { readonly state: PartState; readonly word?: string }) {
  return (
    <span className={`state-word mark-${state}`}>
      <StateMark state={state} size={13} />
      {word ?? STATE_WORDS[state]}
    </span>
  )
}

function Shape({ state }: { readonly state: PartState }) {
  switch (state) {
    case 'ok':
      return <circle cx="8" cy="8" r="5" fill="currentColor" />
    case 'pending':
      return (
        <>
          <circle cx="8" cy="8" r="5.25" fill="none" stroke="currentColor" strokeWidth="1.6" />
          <path d="M8 5v3.2l2 1.3" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
        </>
      )
    case 'firing':
      return (
        <>
          <path d="M8 1.8 15 14H1z" fill="currentColor" strokeLinejoin="round" stroke="currentColor" strokeWidth="1" />
          <path d="M8 6v3.6M8 11.6v.4" stroke="var(--surface)" strokeWidth="1.6" strokeLinecap="round" />
        </>
      )
    case 'acting':
      return (
        <path
          d="M4 2.6 13 8l-9 5.4z"
          fill="currentColor"
          stroke="currentColor"
          strokeWidth="1"
          strokeLinejoin="round"
        />
      )
    case 'verifying':
      return (
        <>
          <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
          <path d="M8 2.5a5.5 5.5 0 0 0 0 11z" fill="currentColor" />
        </>
      )
    case 'escalated':
      return (
        <>
          <path d="M8 .8 15.2 8 8 15.2.8 8z" fill="currentColor" />
          <path d="M8 4.6v4M8 11v.3" stroke="var(--surface)" strokeWidth="1.7" strokeLinecap="round" />
        </>
      )
    case 'blind':
      return (
        <circle cx="8" cy="8" r="5.4" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2.4 2.4" />
      )
    case 'paused':
      return <path d="M5 3v10M11 3v10" stroke="currentColor" strokeWidth="2.6" strokeLinecap="round" />
    default:
      return state satisfies never
  }
}
