/** Where the data comes from: each target, whether it answers, and what to do when it does not. Broken ones first. */
import { useQuery } from '@tanstack/react-query'
import { useNow } from '../api/live.tsx'
import { type ActiveTarget, targetsQuery } from '../api/queries.ts'
import type { PartState } from '../api/wire.ts'
import { formatAgo, tryInstant } from '../format/time.ts'
import { formatText } from '../format/value.ts'
import { Bones, Empty, Failure } from '../ui/feedback.tsx'
import { StateWord } from '../ui/state-mark.tsx'
import { useTitle } from '../ui/title.ts'
import './targets.css'

const MARK: Record<ActiveTarget['health'], PartState> = { up: 'ok', down: 'firing', unknown: 'pending' }
const RANK: Record<ActiveTarget['health'], number> = { down: 0, unknown: 1, up: 2 }

export function TargetsPage() {
  const targets = useQuery({ ...targetsQuery, refetchInterval: 5_000 })
  useTitle('Targets')
  const list = targets.data
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          <h1>{list === undefined ? 'Targets' : sentence(list)}</h1>
        </div>
      </div>
      {list !== undefined ? (
        <section className="card" aria-label="Targets">
          {list.length === 0 ? (
            <Empty title="Nothing is read yet.">
              Targets come from the parts of your definition, or from the scrape configs of a prometheus.yml.
            </Empty>
          ) : (
            <Table targets={list} />
          )}
        </section>
      ) : targets.isError ? (
        <Failure what="The targets" error={targets.error} retry={() => void targets.refetch()} />
      ) : (
        <Bones rows={8} height={36} />
      )}
    </>
  )
}

function Table({ targets }: { readonly targets: readonly ActiveTarget[] }) {
  const now = useNow()
  return (
    <table className="list stacks num">
      <thead>
        <tr>
          <th scope="col">Health</th>
          <th scope="col">Job</th>
          <th scope="col">Address</th>
          <th scope="col">Labels</th>
          <th scope="col" className="right">
            Last scrape
          </th>
          <th scope="col" className="right">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {targets
          .toSorted((a, b) => RANK[a.health] - RANK[b.health] || a.scrapePool.localeCompare(b.scrapePool, 'en'))
          .map((target) => (
            <tr key={`${target.scrapePool} ${target.scrapeUrl} ${JSON.stringify(target.labels)}`}>
              <td className="nowrap">
                <StateWord state={MARK[target.health]} word={target.health} />
              </td>
              <td className="lead">
                <strong>{target.labels['job'] ?? target.scrapePool}</strong>
              </td>
              <td className="lead">
                <span className="mono target-url">{target.scrapeUrl}</span>
                {target.lastError === '' ? null : <p className="target-error">{target.lastError}</p>}
              </td>
              <td data-name="labels" className="muted mono">
                {labelText(target.labels)}
              </td>
              <td data-name="last scrape" className="right nowrap">
                {ago(target.lastScrape, now)}
              </td>
              <td data-name="took" className="right nowrap">
                {target.health === 'unknown' ? '—' : formatText('seconds', target.lastScrapeDuration)}
              </td>
            </tr>
          ))}
      </tbody>
    </table>
  )
}

function sentence(targets: readonly ActiveTarget[]): string {
  const down = targets.filter((target) => target.health === 'down').length
  if (targets.length === 0) return 'Nothing is read yet.'
  if (down > 0) return down === 1 ? 'One target does not answer.' : `${down} targets do not answer.`
  return targets.every((target) => target.health === 'up')
    ? `All ${targets.length} targets answer.`
    : 'Waiting for the first answers.'
}

/** `job` has its own column. */
function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'job')
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')
}

/** Prometheus writes the year 1 for "never". */
function ago(text: string, now: number): string {
  const at = tryInstant(text)
  return at === undefined || at <= 0 ? 'never' : formatAgo(now - at)
}
