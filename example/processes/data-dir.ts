/**
 * The data directory of a demo: ours or empty, and held by one supervisor at a time.
 *
 * The holder is recorded by pid and start time, so a supervisor that was killed holds nothing any more.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DemoError } from '../demo-error.ts'
import type { Workplace } from './child.ts'
import { endRecorded, liveRecord, removeRecord, writeRecord } from './records.ts'

const MARKER = 'assay-demo'
/** The record of the supervisor itself. */
export const HOLDER = 'supervisor'
/** Unix sockets have names of at most 107 bytes, and PM2 keeps its sockets in here. */
const MAX_PATH_BYTES = 85

export interface DataDir extends Disposable {
  readonly path: string
  readonly place: Workplace
  /** Passwords and keys, made at the first start and kept; for the services only. */
  secret(name: string): string
  /** What a killed supervisor had left running, and is ended now. */
  readonly leftovers: readonly string[]
}

/** Throws `ASSAY_DEMO_DATA_NOT_OURS`, `ASSAY_DEMO_DATA_LONG` or `ASSAY_DEMO_RUNNING`. */
export async function holdDataDir(given: string): Promise<DataDir> {
  const path = resolve(given)
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new DemoError(
      'ASSAY_DEMO_DATA_LONG',
      `--data ${path} is longer than ${MAX_PATH_BYTES} bytes, too long for sockets in it; take a shorter one`,
    )
  mkdirSync(path, { recursive: true })
  const entries = readdirSync(path)
  if (entries.length > 0 && !entries.includes(MARKER))
    throw new DemoError(
      'ASSAY_DEMO_DATA_NOT_OURS',
      `--data ${path} holds other files and was not made by the demo; name an empty directory, or one that does not exist`,
    )
  const place = placeOf(path)
  const holder = liveRecord(place.runDir, HOLDER)
  if (holder !== undefined)
    throw new DemoError(
      'ASSAY_DEMO_RUNNING',
      `a demo (process ${holder.pid}) already runs on ${path}; stop it, or name another directory with --data`,
    )
  writeFileSync(join(path, MARKER), 'The data of the assay demo. It may be deleted while the demo is stopped.\n')
  mkdirSync(place.home, { recursive: true })
  writeRecord(place.runDir, HOLDER, process.pid, 'SIGTERM')
  const leftovers = await endRecorded(place.runDir, [HOLDER])
  const secrets = readSecrets(join(path, 'secrets.json'))
  return {
    path,
    place,
    leftovers,
    secret(name) {
      const known = secrets.values[name]
      if (known !== undefined) return known
      const made = randomBytes(18).toString('base64url').replaceAll(/[-_]/g, 'x')
      secrets.values[name] = made
      secrets.write()
      return made
    },
    [Symbol.dispose]: () => removeRecord(place.runDir, HOLDER),
  }
}

/** Where things are in a data directory. */
export function placeOf(data: string): Workplace {
  const path = resolve(data)
  return { runDir: join(path, 'run'), logDir: join(path, 'log'), home: join(path, 'home') }
}

function readSecrets(path: string): { readonly values: Record<string, string>; readonly write: () => void } {
  let values: Record<string, string> = {}
  try {
    values = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
  } catch {
    // The first start.
  }
  return {
    values,
    write: () => {
      closeSync(openSync(path, 'a', 0o600))
      writeFileSync(path, JSON.stringify(values, null, 2))
    },
  }
}
