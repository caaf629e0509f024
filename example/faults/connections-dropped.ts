/** Connections that break: the server ends the sessions of shop and mes every other second. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.ts'

const EVERY_MS = 2000

export const connectionsDropped: Fault = {
  name: 'connections-dropped',
  what: 'the sessions of shop and mes at their database are cut every two seconds',
  seen: 'connections of both databases fall and come back; some requests fail',
  async begin(grip, signal) {
    const client = await grip.admin('shop')
    const cutting = (async () => {
      try {
        while (!signal.aborted) {
          await client.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname in ('shop', 'mes') and usename in ('shop', 'mes')",
          )
          await sleep(EVERY_MS, undefined, { signal }).catch(() => {})
        }
      } catch {
        // The server went away: its sessions are cut more thoroughly than we could.
      } finally {
        await client.end().catch(() => {})
      }
    })()
    return () => cutting
  },
}
