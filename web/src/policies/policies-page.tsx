/** Every policy as the sentence the company would say, with its mode, its state, and what it led to. */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { Link } from 'wouter'
import { useLive, useNow } from '../api/live.tsx'
import { policiesQuery } from '../api/queries.ts'
import type { PolicyWire } from '../api/wire.ts'
import { exploreHref } from '../charts-ui/links.ts'
import { formatInstant, tryInstant } from '../format/time.ts'
import { INCIDENT_MARK, MODE_WORDS, policySentence } from '../format/words.ts'
import { useParams } from '../routing/use-hash.ts'
import { Bones, Empty, Failure } from '../ui/feedback.tsx'
import { StateMark, StateWord } from '../ui/state-mark.tsx'
import { useTitle } from '../ui/title.ts'
import { POLICY_MARK, POLICY_WORD } from './policy-line.tsx'
import './policies.css'

export function PoliciesPage() {
  const { pollMs } = useLive()
  const policies = useQuery({ ...policiesQuery, refetchInterval: pollMs })
  const [params] = useParams()
  useTitle('Policies')
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          <h1>What follows from what</h1>
          <span className="aside">each policy may act only within the rails</span>
        </div>
      </div>
      {policies.data !== undefined ? (
        policies.data.length === 0 ? (
          <Empty title="No policy yet.">
            Write one in <code>assay.config.ts</code>:{' '}
            <code>when(mes.latency.p95).above('500ms').for('5m').do(ticket(developers))</code>
          </Empty>
        ) : (
          <ul className="stack">
            {policies.data.map((policy) => (
              <Policy key={policy.id} policy={policy} chosen={params.get('policy') === policy.id} />
            ))}
          </ul>
        )
      ) : policies.isError ? (
        <Failure what="The policies" error={policies.error} retry={() => void policies.refetch()} />
      ) : (
        <Bones rows={4} height={96} />
      )}
    </>
  )
}

function Policy({ policy, chosen }: { readonly policy: PolicyWire; readonly chosen: boolean }) {
  const { incidents } = useLive()
  const now = useNow()
  const row = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (chosen) row.current?.scrollIntoView({ block: 'center' })
  }, [chosen])
  const past = (incidents ?? []).filter((incident) => incident.policy === policy.id).slice(0, 4)
  return (
    <li
      ref={row}
      className={`card policy${chosen ? ' policy-chosen' : ''}${policy.state === 'firing' ? ' card-look' : ''}`}
    >
      <div>
        <h2>
          {policy.id} <StateWord state={POLICY_MARK[policy.state]} word={POLICY_WORD[policy.state]} />
        </h2>
        <p className="policy-sentence">{policySentence(policy)}</p>
        {policy.condition === null ? null : (
          <p className="policy-expr">
            <a href={exploreHref(policy.condition.measure, policy.condition.unit)} title="Open in Explore">
              <code>{policy.condition.expr}</code>
            </a>
          </p>
        )}
      </div>
      <div className="policy-mode">
        <span className="eyebrow">Mode</span>
        <strong>{policy.mode}</strong>
        <span className="muted">{MODE_WORDS[policy.mode].meaning}</span>
      </div>
      <div className="policy-past">
        <span className="eyebrow">Incidents</span>
        <strong className="num">{policy.incidents === 0 ? 'none' : policy.incidents}</strong>
        {past.map((incident) => (
          <Link key={incident.id} className="num part-name" href={`/incidents/${incident.id}`}>
            <StateMark state={INCIDENT_MARK[incident.state]} size={11} /> #{incident.id}{' '}
            <span className="muted">{formatInstant(tryInstant(incident.openedAt) ?? now, now)}</span>
          </Link>
        ))}
      </div>
    </li>
  )
}
