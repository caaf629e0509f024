/** A folder of its own and free ports for a part that a test starts; all of it is gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CollectorDeps } from '#collectors'
import { ManualClock, silentLog } from '#core'

export interface TestPlace extends Disposable {
  readonly runDir: string
  readonly logDir: string
  readonly home: string
  /** For the data of one part. */
  dir(name: string): string
}

export function testPlace(): TestPlace {
  const home = mkdtempSync(join(tmpdir(), 'assay-parts-'))
  return {
    home,
    runDir: join(home, 'run'),
    logDir: join(home, 'log'),
    dir: (name) => join(home, name),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  }
}

/** Ports that were free a moment ago; all are held until the last is known, so no two are the same. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise<typeof server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** What a collector is created with; references are looked up in `environment`. */
export function collectorDeps(environment: Readonly<Record<string, string>> = {}): CollectorDeps {
  return {
    resolve: (text) => (typeof text === 'string' ? text : (environment[text.env] ?? '')),
    clock: new ManualClock(1_700_000_000_000),
    log: silentLog,
  }
}

/** The value of one line of a page, by the line's beginning. */
export function lineValue(page: string, series: string): number | undefined {
  const line = page.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}
