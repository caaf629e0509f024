import { readdir, readFile, readlink } from 'node:fs/promises'
import { type Service, until } from './service.ts'

/** The worker whose death takes the page away is the one that listens; /proc tells it without asking. */
export function hubOf(service: Service, pids: Iterable<number>): Promise<number> {
  return until(
    () => tryHubOf(service, pids),
    () => true,
  )
}

/** Rejects in the moment in which the address changes hands. */
async function tryHubOf(service: Service, pids: Iterable<number>): Promise<number> {
  const port = service.metricsPort.toString(16).toUpperCase().padStart(4, '0')
  const table = await readFile('/proc/net/tcp', 'utf8')
  const inode = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((row) => row[1] === `0100007F:${port}` && row[3] === '0A')?.[9]
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) === `socket:[${inode}]`) return pid
    }
  }
  throw new Error(`nobody of ${[...pids].join(', ')} listens on ${service.metricsPort}`)
}
