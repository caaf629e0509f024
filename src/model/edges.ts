/**
 * Who calls whom, and how much: the arrows of the overview, each with the PromQL of its traffic.
 */
import type { Named } from './built-in.ts'
import type { Part } from './parts.ts'
import type { Caller, Edge } from './plan.ts'

export function edgesAndCallers(
  parts: readonly Named[],
  nameOf: (part: Part, where: string) => string,
  window: string,
): { readonly edges: readonly Edge[]; readonly callers: readonly Caller[] } {
  const edges: Edge[] = []
  const callers: Caller[] = []
  const requests = (job: string, channel: string | undefined, more = '') =>
    `sum(rate(http_server_request_duration_seconds_count{job="${job}"${channel === undefined ? '' : `,channel="${channel}"`}${more}}[${window}]))`
  const errors = (job: string, channel: string | undefined) =>
    `(${requests(job, channel, ',http_response_status_code=~"5.."')} or 0 * ${requests(job, channel)}) / (${requests(job, channel)} > 0)`

  for (const { id, part } of parts) {
    if (part.kind !== 'api') continue
    for (const used of part.options.uses ?? []) edges.push(edge(id, used, nameOf(used, `parts.${id}.uses`)))
    const channels = Object.keys(part.options.channels ?? {})
    const named = part.options.callers
    const add = (title: string, channel: string | undefined) => {
      const caller = channel === undefined ? title : channel
      callers.push({
        id: `${id}.${caller}`,
        title,
        to: id,
        rate: requests(id, channel),
        ...(channel === undefined ? {} : { channel }),
        ...(part.options.users === true
          ? { now: part.users.now.expr({ job: id, window }), today: part.users.today.expr({ job: id, window }) }
          : {}),
      })
      edges.push({
        from: `caller:${id}.${caller}`,
        to: id,
        rate: requests(id, channel),
        errors: errors(id, channel),
        ...(channel === undefined ? {} : { channel }),
      })
    }
    if (typeof named === 'string') add(named, undefined)
    else if (named !== undefined) for (const [channel, title] of Object.entries(named)) add(String(title), channel)
    else if (channels.length === 0) add('users', undefined)
    else for (const channel of channels.filter((name) => name !== 'internal')) add(channel, channel)
  }
  return { edges, callers }

  function edge(from: string, used: Part, to: string): Edge {
    switch (used.kind) {
      case 'api': {
        // Calls between services come in on the channel for them, where there is one.
        const channel = Object.keys(used.options.channels ?? {}).includes('internal') ? 'internal' : undefined
        return {
          from,
          to,
          rate: requests(to, channel),
          errors: errors(to, channel),
          ...(channel === undefined ? {} : { channel }),
        }
      }
      case 'postgres': {
        const operations = (more = '') =>
          `sum(rate(db_client_operation_duration_seconds_count{job="${from}"${more}}[${window}]))`
        return {
          from,
          to,
          rate: operations(),
          errors: `(${operations(',error_type!=""')} or 0 * ${operations()}) / (${operations()} > 0)`,
        }
      }
      case 'rabbitmq': {
        // A service sends, or consumes, or both: what it does not do it has no series of.
        const messages = (verb: string) =>
          `sum(rate(messaging_client_${verb}_messages_total{job="${from}"}[${window}]))`
        const [sent, consumed] = [messages('sent'), messages('consumed')]
        return { from, to, rate: `(${sent} + ${consumed}) or ${sent} or ${consumed}` }
      }
      case 'bucket':
      case 'host':
        return { from, to }
      default:
        return used satisfies never
    }
  }
}
