/**
 * The overview as three columns and the edges between them: who calls, the services, what they stand on.
 *
 * - A caller and the edge of its channel are one line: the edge brings the errors, the caller the people.
 * - Traffic from outside that no caller names still has a node of its own; nothing that flows is left out.
 * - Callers stand beside the service they call, so that their lines are level.
 */
import type { CallerWire, EdgeWire, OverviewWire, PartWire } from '../api/wire.ts'

export type CallerNode = Pick<CallerWire, 'title' | 'to' | 'channel' | 'now' | 'today'> & { readonly id: string }
export type KeyedEdge = EdgeWire & { readonly key: string }
export type Columns = {
  readonly callers: readonly CallerNode[]
  readonly services: readonly PartWire[]
  /** Databases, brokers, buckets, hosts. */
  readonly grounds: readonly PartWire[]
  readonly edges: readonly KeyedEdge[]
}

const OUTSIDE = 'channel:'
/** A job of a `prometheus.yml` has no known nature; it answers scrapes as a service does. */
const SERVICES: ReadonlySet<PartWire['kind']> = new Set(['api', 'job'])

export function columnsOf({ parts, edges, callers }: Pick<OverviewWire, 'parts' | 'edges' | 'callers'>): Columns {
  const services = parts.filter((part) => SERVICES.has(part.kind))
  const grounds = parts.filter((part) => !SERVICES.has(part.kind))
  const nodes: CallerNode[] = callers.map(({ id, title, to, channel, now, today }) => ({
    id: `caller ${id}`,
    title,
    to,
    channel,
    now,
    today,
  }))
  const drawn: KeyedEdge[] = []
  const fed = new Set<string>()
  for (const edge of edges) {
    if (!edge.from.startsWith(OUTSIDE)) {
      drawn.push({ ...edge, key: `${edge.from} ${edge.to} ${edge.channel ?? ''}` })
      continue
    }
    const channel = edge.channel ?? edge.from.slice(OUTSIDE.length)
    let node = nodes.find(
      (candidate) => candidate.to === edge.to && (candidate.channel ?? channel) === channel && !fed.has(candidate.id),
    )
    if (node === undefined) {
      node = {
        id: `caller ${edge.from} ${edge.to}`,
        title: `${channel} API`,
        to: edge.to,
        channel,
        now: null,
        today: null,
      }
      nodes.push(node)
    }
    fed.add(node.id)
    drawn.push({ ...edge, from: node.id, channel, key: `${node.id} ${edge.to}` })
  }
  for (const caller of callers) {
    const id = `caller ${caller.id}`
    if (!fed.has(id))
      drawn.push({
        from: id,
        to: caller.to,
        channel: caller.channel,
        measured: true,
        rate: caller.rate,
        errors: null,
        key: `${id} ${caller.to}`,
      })
  }
  const rank = new Map(services.map((part, i) => [part.id, i]))
  const place = (node: CallerNode) => rank.get(node.to) ?? services.length
  return { callers: nodes.toSorted((a, b) => place(a) - place(b)), services, grounds, edges: drawn }
}
