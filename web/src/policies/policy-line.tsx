/** A policy in two lines: the sentence, then its mode and state. For lists beside other things. */
import { Link } from 'wouter'
import type { PartState, PolicyWire } from '../api/wire.ts'
import { policySentence } from '../format/words.ts'
import { StateWord } from '../ui/state-mark.tsx'

/** What a policy's condition is, in the marks of the whole UI. `unknown`: no data, so nothing is known. */
export const POLICY_MARK: Record<PolicyWire['state'], PartState> = {
  inactive: 'ok',
  pending: 'pending',
  firing: 'firing',
  unknown: 'blind',
}
export const POLICY_WORD: Record<PolicyWire['state'], string> = {
  inactive: 'inactive',
  pending: 'pending',
  firing: 'firing',
  unknown: 'unknown',
}

export function PolicyLine({ policy }: { readonly policy: PolicyWire }) {
  return (
    <li>
      <Link className="part-name" href={`/policies?policy=${encodeURIComponent(policy.id)}`}>
        <strong>{policy.id}</strong>
      </Link>{' '}
      <span className="muted">· {policy.mode}</span>{' '}
      <StateWord state={POLICY_MARK[policy.state]} word={POLICY_WORD[policy.state]} />
      <p className="muted">{policySentence(policy)}</p>
    </li>
  )
}
