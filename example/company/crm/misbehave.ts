/**
 * What can go wrong inside a CRM process.
 *
 * - `crm-saturated`: a timer that runs away with the event loop. It waits in it instead of computing (as a synchronous
 *   call to a slow disk does), so the loop is as busy as with a computation, but the demo's machine is not. Only processes
 *   that lived when it was switched on have it: a restart cures it, as it cures most such bugs.
 * - `connections-leak`: a connection a second is opened past the pool and never closed, until the server has no more.
 */
import pg from 'pg'
import type { Faults } from '../base/faults.ts'
import { log } from '../base/log.ts'

/** 92 % of the time blocked, in pieces short enough that requests still get through. */
const BLOCKED_MS = 92
const FREE_MS = 8
const LEAK_MAX = 100

export function misbehave(faults: Faults, databaseUrl: string): AsyncDisposable {
  const still = new Int32Array(new SharedArrayBuffer(4))
  let blocking: NodeJS.Timeout | undefined
  const block = () => {
    Atomics.wait(still, 0, 0, BLOCKED_MS)
    blocking = faults.onInThisProcess('crm-saturated') ? setTimeout(block, FREE_MS) : undefined
  }
  faults.onChange(() => {
    if (blocking === undefined && faults.onInThisProcess('crm-saturated')) blocking = setTimeout(block, FREE_MS)
  })

  const leaked: pg.Client[] = []
  const leakOne = async () => {
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'crm',
      connectionTimeoutMillis: 2000,
    })
    client.on('error', () => leaked.splice(leaked.indexOf(client), 1))
    try {
      await client.connect()
      await client.query('select 1')
      leaked.push(client)
    } catch (err) {
      log('error', 'no connection left', { err })
      await client.end().catch(() => {})
    }
  }
  const release = () => Promise.all(leaked.splice(0).map((client) => client.end().catch(() => {})))
  const leaking = setInterval(() => {
    if (!faults.on('connections-leak')) void release()
    else if (leaked.length < LEAK_MAX) void leakOne()
  }, 1000)
  leaking.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(leaking)
      clearTimeout(blocking)
      await release()
    },
  }
}
