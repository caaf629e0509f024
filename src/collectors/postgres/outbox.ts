/**
 * Outboxes: tables in which messages wait to be sent. How many do is asked of the database itself, so that it is known while no service runs.
 *
 * - Each is asked in a transaction of its own, read only, with its own time limit: one that fails takes nothing with it but its number.
 * - The question is a query with one row and one number; it stands in a subselect, so that two statements are an error and no surprise.
 * - No number is told for an outbox that could not be counted: an old one, or 0, would say that all is well.
 */
import { messageOf, PageWriter } from '#core'
import type { OutboxSpec } from '../types.ts'
import { codeOf } from '../where.ts'
import type { PostgresPlace } from './sentence.ts'

const STATEMENT_TIMEOUT_MS = 2000

/** What is needed of a connection. */
export interface OutboxClient {
  query(text: string): Promise<unknown>
}

export type OutboxCounts = { readonly counts: ReadonlyMap<string, number>; readonly caveats: readonly string[] }

/** Counts all; rejects only when the connection is lost. */
export async function countOutboxes(
  client: OutboxClient,
  outboxes: readonly OutboxSpec[],
  place: PostgresPlace,
): Promise<OutboxCounts> {
  const counts = new Map<string, number>()
  const caveats: string[] = []
  for (const outbox of outboxes) {
    try {
      const count = countOf(await client.query(questionOf(outbox)))
      if (count === undefined)
        caveats.push(`outbox ${outbox.name}: the query gives no number; write select count(*) from ...`)
      else counts.set(outbox.name, count)
    } catch (cause) {
      caveats.push(`outbox ${outbox.name} cannot be counted: ${reasonOf(cause, place)}`)
      // Ends the transaction that has failed; on a connection that is gone it rejects, and so does the read.
      await client.query('rollback')
    }
  }
  return { counts, caveats }
}

export function outboxPage(counts: ReadonlyMap<string, number>): string {
  if (counts.size === 0) return ''
  const page = new PageWriter()
  page.family('messaging_outbox_pending_messages', 'gauge', 'Messages that wait in an outbox to be sent.')
  for (const [outbox, count] of counts) page.sample(count, { outbox })
  return String(page)
}

/** The line break keeps a comment at the end of the query from swallowing what follows it. */
function questionOf({ sql }: OutboxSpec): string {
  return [
    'begin transaction read only',
    `set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
    `select (\n${sql}\n)::float8 as pending`,
    'commit',
  ].join(';\n')
}

function countOf(answers: unknown): number | undefined {
  const rows = Array.isArray(answers) ? (answers[2] as { rows?: readonly Record<string, unknown>[] }).rows : undefined
  const pending = rows?.[0]?.['pending']
  return typeof pending === 'number' && pending >= 0 ? pending : undefined
}

function reasonOf(cause: unknown, { user }: PostgresPlace): string {
  const message = messageOf(cause)
  switch (codeOf(cause)) {
    case '42501':
      return `user ${user} may not read it (${message}); grant it: GRANT SELECT ON the table TO ${user}`
    case '57014':
      return `it took longer than ${STATEMENT_TIMEOUT_MS / 1000}s; is there an index for it?`
    case '25006':
      return `${message}; an outbox is counted in a read-only transaction`
    default:
      return message
  }
}
