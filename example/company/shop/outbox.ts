/**
 * The outbox: an order and the message about it are written in one transaction, and the message is sent afterwards.
 *
 * - A row leaves the table only when the broker has confirmed it: a broker that is down delays orders, it loses none.
 * - Rows are locked while they are sent, so that several processes share the work and none sends a row twice at a time.
 *   After a crash between confirmation and delete a row is sent again: consumers are idempotent.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Broker } from '../base/broker.ts'
import { log } from '../base/log.ts'

const LOOK_EVERY_MS = 250
const BATCH = 50

/** Sends what is due until `signal` aborts. Never rejects. */
export async function relayOutbox(pool: pg.Pool, broker: Broker, signal: AbortSignal): Promise<void> {
  for (let waitMs = LOOK_EVERY_MS; !signal.aborted; ) {
    try {
      const sent = await relayBatch(pool, broker)
      waitMs = sent === BATCH ? 0 : LOOK_EVERY_MS
    } catch (err) {
      log('warn', 'the outbox could not be sent; trying again', { err })
      waitMs = 1000
    }
    await sleep(waitMs, undefined, { signal }).catch(() => {})
  }
}

async function relayBatch(pool: pg.Pool, broker: Broker): Promise<number> {
  const client = await pool.connect()
  let failed = true
  try {
    await client.query('begin')
    const { rows } = await client.query<{ id: string; routing_key: string; body: unknown }>(
      'select id, routing_key, body from outbox order by created_at limit $1 for update skip locked',
      [BATCH],
    )
    await Promise.all(rows.map((row) => broker.publish(row.routing_key, row.body, row.id)))
    if (rows.length > 0) await client.query('delete from outbox where id = any($1)', [rows.map((row) => row.id)])
    await client.query('commit')
    failed = false
    return rows.length
  } finally {
    if (failed) await client.query('rollback').catch(() => {})
    client.release(failed)
  }
}
