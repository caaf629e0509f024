/** A migration that holds a lock on the table that every price needs, again and again. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Fault } from './fault.ts'

/** Most prices arrive while it is held, and wait for what is left of it. */
const HELD_S = 1.2
const FREE_MS = 80

export const mesSlow: Fault = {
  name: 'mes-slow',
  what: 'a migration locks the table of materials in the mes database over and over',
  seen: 'p95 of the MES above 500 ms without more load, no errors, no more CPU',
  async begin(grip, signal) {
    const client = await grip.admin('mes')
    const done = holdAgainAndAgain(client, signal)
    return () => done
  },
}

async function holdAgainAndAgain(client: pg.Client, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted) {
      await client.query(`begin; lock table materials in access exclusive mode; select pg_sleep(${HELD_S}); commit`)
      await sleep(FREE_MS, undefined, { signal }).catch(() => {})
    }
  } catch {
    // The server went away: there is nothing left to lock.
  } finally {
    await client.end().catch(() => {})
  }
}
