/** Who calls: how many people now, how many today. Their traffic stands on the line to the service. */

import { Link } from 'wouter'
import { formatText } from '../format/value.ts'
import { Figure } from '../ui/figure.tsx'
import type { CallerNode, KeyedEdge } from './columns.ts'
import { edgeMood, edgeWords } from './edge-words.ts'

export function CallerCard({ caller, edge }: { readonly caller: CallerNode; readonly edge: KeyedEdge | undefined }) {
  const mood = edge === undefined ? 'calm' : edgeMood(edge)
  return (
    <Link href={`/parts/${caller.to}`} className={`caller caller-${mood}`} data-node={caller.id}>
      {caller.now === null && caller.today === null ? (
        <span className="caller-plain">{caller.title}</span>
      ) : (
        <>
          <Figure unit="count" value={caller.now} />
          <span className="caller-title">{caller.title} now</span>
          <span className="caller-today num">
            {caller.today === null ? '' : `${formatText('count', caller.today)} today`}
          </span>
        </>
      )}
      {edge === undefined ? null : <span className="only-narrow num muted">{edgeWords(edge).join(' · ')}</span>}
    </Link>
  )
}
