/** All incidents: open ones first, then what was resolved, newest first. */
import { useLive } from '../api/live.tsx'
import type { IncidentWire } from '../api/wire.ts'
import { Bones, Empty } from '../ui/feedback.tsx'
import { useTitle } from '../ui/title.ts'
import { IncidentTable } from './incident-table.tsx'

export function IncidentsPage() {
  const { incidents } = useLive()
  useTitle('Incidents')
  const open = incidents?.filter((incident) => incident.state !== 'resolved') ?? []
  const resolved = incidents?.filter((incident) => incident.state === 'resolved') ?? []
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          <h1>{sentence(incidents, open.length)}</h1>
        </div>
      </div>
      {incidents === undefined ? (
        <Bones rows={4} height={44} />
      ) : (
        <div className="stack">
          {open.length === 0 ? null : (
            <section className="card card-look" aria-labelledby="open">
              <h2 className="eyebrow" id="open">
                Open
              </h2>
              <IncidentTable incidents={open} />
            </section>
          )}
          <section className="card" aria-labelledby="resolved">
            <h2 className="eyebrow" id="resolved">
              Resolved
            </h2>
            {resolved.length === 0 ? (
              <Empty title={open.length === 0 ? 'No incidents yet.' : 'Nothing resolved yet.'}>
                Break something: <code>npx assay demo break mes-slow</code>
              </Empty>
            ) : (
              <IncidentTable incidents={resolved} />
            )}
          </section>
        </div>
      )}
    </>
  )
}

function sentence(incidents: readonly IncidentWire[] | undefined, open: number): string {
  if (incidents === undefined) return 'Incidents'
  if (open === 0) return 'Nothing is open.'
  return open === 1 ? 'One incident is open.' : `${open} incidents are open.`
}
