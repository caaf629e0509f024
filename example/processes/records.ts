/**
 * Records of started processes in `run/` of the data directory: pid, start time, and how each wants to be ended.
 *
 * A supervisor that was killed leaves its processes behind; the next start ends exactly those, found by these records and
 * never by a name.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { descendantsOf, startOf } from './identity.ts'

export type ProcessRecord = { readonly pid: number; readonly start: string; readonly signal: NodeJS.Signals }

/** How long a process left behind may take to end by itself. */
const PATIENCE_MS = 3000
const LOOK_EVERY_MS = 50

/** Written through a second name, so that a reader never sees half of it. */
export function writeRecord(runDir: string, name: string, pid: number, signal: NodeJS.Signals): void {
  mkdirSync(runDir, { recursive: true })
  const record: ProcessRecord = { pid, start: startOf(pid) ?? '', signal }
  const path = join(runDir, `${name}.json`)
  writeFileSync(`${path}.new`, JSON.stringify(record))
  renameSync(`${path}.new`, path)
}

export function removeRecord(runDir: string, name: string): void {
  rmSync(join(runDir, `${name}.json`), { force: true })
}

/** The record of a process that still runs; `undefined` when it is gone or the record cannot be read. */
export function liveRecord(runDir: string, name: string): ProcessRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(runDir, `${name}.json`), 'utf8'))
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('start' in value)) return undefined
    const { pid, start } = value
    if (typeof pid !== 'number' || pid <= 1 || typeof start !== 'string') return undefined
    const signal = 'signal' in value && value.signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
    return startOf(pid) === start ? { pid, start, signal } : undefined
  } catch {
    return undefined
  }
}

/** Ends all recorded processes but those named, with what they started. Returns the names of those that still ran. */
export async function endRecorded(runDir: string, except: readonly string[]): Promise<readonly string[]> {
  const names = filesIn(runDir).filter((name) => !except.includes(name))
  const live = names.flatMap((name) => {
    const record = liveRecord(runDir, name)
    return record === undefined ? [] : [{ name, record }]
  })
  await Promise.all(live.map(({ record }) => endTree(record.pid, record.signal, PATIENCE_MS)))
  for (const name of names) removeRecord(runDir, name)
  return live.map(({ name }) => name)
}

/** Asks a process to end, waits, and ends it and what it left behind the hard way. Resolves when all are gone. */
export async function endTree(pid: number, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  const tree = [pid, ...descendantsOf(pid)].flatMap((one) => {
    const start = startOf(one)
    return start === undefined ? [] : [{ pid: one, start }]
  })
  const remaining = () => tree.filter((one) => startOf(one.pid) === one.start)
  send(pid, signal)
  for (let waitedMs = 0; remaining().length > 0 && waitedMs < patienceMs; waitedMs += LOOK_EVERY_MS)
    await sleep(LOOK_EVERY_MS)
  for (const one of remaining()) send(one.pid, 'SIGKILL')
  for (let waitedMs = 0; remaining().length > 0 && waitedMs < 2000; waitedMs += LOOK_EVERY_MS)
    await sleep(LOOK_EVERY_MS)
}

/** Ends all recorded processes and what they started at once and the hard way; waits for nothing. */
export function killRecorded(runDir: string, except: readonly string[]): void {
  for (const name of filesIn(runDir)) {
    const record = except.includes(name) ? undefined : liveRecord(runDir, name)
    if (record === undefined) continue
    for (const pid of [...descendantsOf(record.pid), record.pid]) send(pid, 'SIGKILL')
    removeRecord(runDir, name)
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended between the look and the signal.
  }
}

function filesIn(runDir: string): readonly string[] {
  try {
    return readdirSync(runDir)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length))
  } catch {
    return []
  }
}
