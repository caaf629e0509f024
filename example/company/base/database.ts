/** A service's own PostgreSQL database: a bounded pool, and a schema that every start makes sure of. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { log } from './log.ts'

const POOL_SIZE = 8
/** One number for "schema being prepared", so that workers that start together take turns. */
const SCHEMA_LOCK = 2424

/** Connections that a database drops are replaced by the pool; the error is logged and is no reason to die. */
export function openDatabase(url: string, name: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max: POOL_SIZE,
    connectionTimeoutMillis: 8000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 10_000,
  })
  pool.on('error', (err) => log('warn', 'a database connection was lost', { err }))
  return pool
}

/** Runs the schema (which must be repeatable) as soon as the database lets us, and tries again until it does. */
export async function prepareSchema(pool: pg.Pool, schema: string, signal: AbortSignal): Promise<void> {
  for (let waitMs = 100; !signal.aborted; waitMs = Math.min(waitMs * 2, 2000)) {
    try {
      const client = await pool.connect()
      try {
        await client.query(`begin; select pg_advisory_xact_lock(${SCHEMA_LOCK}); ${schema}; commit`)
        client.release()
        return
      } catch (cause) {
        client.release(true)
        throw cause
      }
    } catch (err) {
      log('warn', 'the database is not ready; trying again', { err, waitMs })
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
  }
}
