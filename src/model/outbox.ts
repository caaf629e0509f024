/**
 * Outboxes of a database: tables in which messages wait to be sent, and what is known of them beside what was sent.
 */
import type { OutboxSpec } from '#collectors'
import { AssayError } from '#core'
import type { RecordingRule } from '#rules'
import type { ExprContext } from './measure.ts'

/** Outboxes by name: a query that counts what waits, or more about it. */
export type Outboxes = Readonly<Record<string, string | OutboxOptions>>
export type OutboxOptions = ({ readonly sql: string } | { readonly table: string }) & {
  /** The exchange or queue that its messages are sent to; without one all that is sent counts. */
  readonly to?: string
}

const MAX_OUTBOXES = 16

/** Throws `ASSAY_MODEL_OUTBOX` for what does not count. */
export function outboxesOf(id: string, outboxes: Outboxes): readonly OutboxSpec[] {
  const entries = Object.entries(outboxes)
  const wrong = (what: string): AssayError => new AssayError('ASSAY_MODEL_OUTBOX', `parts.${id}.outbox${what}`)
  if (entries.length > MAX_OUTBOXES) throw wrong(`: ${entries.length} are too many; a part may have ${MAX_OUTBOXES}`)
  return entries.map(([name, given]) => {
    if (!/^[A-Za-z_][\w.-]{0,62}$/.test(name))
      throw wrong(`: ${JSON.stringify(name)} is no name; write letters, digits, _, - and dots`)
    const text = typeof given === 'string' ? given : 'sql' in given ? given.sql : undefined
    if (text !== undefined) {
      const sql = text.trim().replace(/;$/, '')
      if (!/^(?:select|with)\s/i.test(sql) || sql.includes(';'))
        throw wrong(
          `.${name}: ${JSON.stringify(text)} does not count; write one query, as in select count(*) from outbox where sent_at is null`,
        )
      return { name, sql }
    }
    const table = typeof given === 'object' && 'table' in given ? given.table : undefined
    if (typeof table !== 'string' || !/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?$/.test(table))
      throw wrong(
        `.${name}: ${JSON.stringify(table)} is no table; write outbox or shop.outbox, or a query as { sql: 'select count(*) ...' }`,
      )
    return { name, sql: `select count(*) from ${table}` }
  })
}

export function unsentExpr({ job }: ExprContext): string {
  return `sum(messaging_outbox_pending_messages{job="${job}"})`
}

/**
 * 0: all has been sent; 1/2: as many wait as were sent within the window; 1: none leaves. A plain quotient of unsent and sent would have no
 * value just when nothing is sent any more. Who sends is not the database's job: the services that use it count what they have sent; what
 * others send to the same exchange did not wait here.
 */
export function unsentRatioExpr(outboxes: Outboxes | undefined, context: ExprContext): string {
  const unsent = unsentExpr(context)
  return `${unsent} / (${unsent} + (${sentExpr(outboxes, context)} or 0 * ${unsent}) > 0)`
}

/** The ratio as a series of its own, by the database that has the outboxes: `messaging:outbox_unsent:ratio{part="shopDb"}`. */
export function unsentRatioRule(id: string, outboxes: Outboxes, context: ExprContext): RecordingRule {
  return {
    kind: 'record',
    record: 'messaging:outbox_unsent:ratio',
    expr: unsentRatioExpr(outboxes, context),
    labels: { part: id },
  }
}

/** Messages that the broker has taken within the window. */
function sentExpr(outboxes: Outboxes | undefined, { window, usedBy = [] }: ExprContext): string {
  const all = Object.values(outboxes ?? {}).map((one) => (typeof one === 'string' ? undefined : one.to))
  const named = all.filter((to) => to !== undefined)
  const destinations =
    named.length === 0 || named.length < all.length
      ? ''
      : `,messaging_destination_name=~"${named.map((to) => to.replaceAll(/[.\\+*?()|[\]{}^$]/g, '\\\\$&')).join('|')}"`
  const senders = usedBy.length === 0 ? '' : `,job=~"${usedBy.join('|')}"`
  return `sum(increase(messaging_client_sent_messages_total{error_type=""${destinations}${senders}}[${window}]))`
}
