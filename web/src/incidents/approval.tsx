/** The one click: what would be done, exactly, and until when the question stands. Asked once more before it is done. */
import { Button, Modal } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { postJson } from '../api/client.ts'
import { useLive, useNow } from '../api/live.tsx'
import type { IncidentWire } from '../api/wire.ts'
import { formatClock, formatTimer, tryInstant } from '../format/time.ts'
import { Failure } from '../ui/feedback.tsx'

type ApprovalProps = { readonly incident: IncidentWire; readonly approval: NonNullable<IncidentWire['approval']> }

export function Approval({ incident, approval }: ApprovalProps) {
  const now = useNow()
  const { fresh } = useLive()
  const [asking, setAsking] = useState(false)
  const client = useQueryClient()
  const expires = tryInstant(approval.expiresAt) ?? now
  const expired = expires <= now
  const approve = useMutation({
    mutationFn: async () =>
      await postJson(`api/assay/v1/incidents/${encodeURIComponent(incident.id)}/approve`, { action: approval.action }),
    onSuccess: async () => {
      setAsking(false)
      await client.invalidateQueries()
    },
  })
  return (
    <section className="approval" aria-labelledby="approval">
      <div>
        <h2 id="approval">You are asked: {approval.text}?</h2>
        <p className="num">
          {expired
            ? 'The question has expired; assay asks again if the condition still holds.'
            : `The question stands until ${formatClock(expires)}, ${formatTimer(expires - now)} left. Nothing is done without you.`}
        </p>
      </div>
      <Button className="approval-button" disabled={expired || fresh.kind === 'lost'} onClick={() => setAsking(true)}>
        Approve …
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title="Do exactly this, once?" centered>
        <div className="stack">
          <p className="approval-exact">{approval.text}</p>
          <dl className="approval-facts">
            <dt>Action</dt>
            <dd>
              <code>{approval.action}</code>
            </dd>
            <dt>For</dt>
            <dd>
              incident #{incident.id}, {incident.title}
            </dd>
            <dt>Expires</dt>
            <dd className="num">
              {formatClock(expires)}, {formatTimer(expires - now)} left
            </dd>
          </dl>
          <p className="muted">
            The rails are asked again before it is done. Afterwards the same condition is watched, and the proof stands
            on this page.
          </p>
          {approve.isError ? <Failure what="The approval" error={approve.error} /> : null}
          <div className="dialog-buttons">
            <Button variant="default" onClick={() => setAsking(false)}>
              Not now
            </Button>
            <Button loading={approve.isPending} disabled={expired} onClick={() => approve.mutate()}>
              Approve
            </Button>
          </div>
        </div>
      </Modal>
    </section>
  )
}
