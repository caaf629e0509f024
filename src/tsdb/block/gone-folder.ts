/**
 * How the folder of a block goes: whole, also when the process dies on the way, and for good from the moment it was given up.
 *
 * - Readers may still be in it. A file in it says that it is given up, so that no start takes it for a block: what was deleted since, of the
 *   blocks that took its place, would be back.
 * - It is renamed before its files go: else a process that dies between two of them would leave a block without its tombstones.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const GIVEN_UP_FILE = 'given-up'

/** Throws what the disk said. */
export function giveUpFolder(dir: string): void {
  writeFileSync(join(dir, GIVEN_UP_FILE), '', { mode: 0o600 })
}

export function isGivenUp(dir: string): boolean {
  return existsSync(join(dir, GIVEN_UP_FILE))
}

/** Throws what the disk said; what is left then is given up or has a name that a start removes. */
export function removeFolder(dir: string): void {
  const gone = join(dirname(dir), `tmp-gone-${basename(dir)}`)
  renameSync(dir, gone)
  rmSync(gone, { recursive: true, force: true })
}
