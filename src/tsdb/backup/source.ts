/**
 * What is backed up: a snapshot of the store, its metadata and the state database, all of one moment, as files of a data directory.
 *
 * The files do not change while the source is open. Dispose it to remove the snapshot.
 */
import { createReadStream } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { type DataDir, STATE_FILE } from '../data-dir.ts'
import { snapshotName, UNFINISHED } from '../snapshot.ts'
import type { Tsdb } from '../types.ts'

/** `path`: within the data directory, with `/`. */
export type BackupFile = { readonly path: string; readonly sizeBytes: number }

export interface BackupSource extends AsyncDisposable {
  /** Whose data it is: the data directory's id. */
  readonly store: string
  /** When it was taken, Unix milliseconds. */
  readonly at: number
  readonly files: readonly BackupFile[]
  /** Throws for a path that is not among `files`. */
  read(path: string): AsyncIterable<Uint8Array>
}

export type LocalBackupDeps = {
  readonly store: Tsdb
  readonly directory: DataDir
  /** Unix milliseconds. */
  readonly at: number
  /** Writes a consistent copy of the state database, which may be in use. */
  readonly copyState: (from: string, to: string) => Promise<void>
}

/** Rejects with what the disk said; then nothing is left of it. */
export async function openLocalBackup({ store, directory, at, copyState }: LocalBackupDeps): Promise<BackupSource> {
  // Under a name that the next start removes, should this process die.
  const { dir } = await store.snapshot({ name: `${UNFINISHED}backup-${snapshotName(at)}`, id: directory.id })
  // What a disk does not let go of now goes at the next start, and hides no other failure.
  const remove = () => rm(dir, { recursive: true, force: true }).catch(() => undefined)
  try {
    if (await exists(directory.stateFile)) await copyState(directory.stateFile, join(dir, STATE_FILE))
    const files = await filesOf(dir)
    const known = new Set(files.map(({ path }) => path))
    return {
      store: directory.id,
      at,
      files,
      read(path) {
        if (!known.has(path)) throw new TypeError(`BUG: ${JSON.stringify(path)} is not in the backup`)
        return createReadStream(join(dir, path), { highWaterMark: 1024 * 1024 })
      },
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Every file below, in order of paths: small files that identify a block stand with it. */
export async function filesOf(dir: string): Promise<readonly BackupFile[]> {
  const found: BackupFile[] = []
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.push({ path: relative(dir, path).split(sep).join('/'), sizeBytes: (await stat(path)).size })
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
