/**
 * Brings a backup back as a data directory.
 *
 * - Into a directory that is empty, or holds an interrupted restore, which is begun anew. The marker `restore.incomplete` is there from
 *   the first byte on and goes with the last, after all was compared: no start takes what is half.
 * - Every file is compared with the manifest's SHA-256, every block is read whole. What does not hold is an error, and nothing is left.
 */
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AssayError, type Log, messageOf } from '#core'
import { BlockStore, isCorrupt } from '../block/block-store.ts'
import { ByteCache } from '../block/byte-cache.ts'
import { BLOCKS_DIR, hasCode, RESTORE_MARKER, syncDir } from '../data-dir.ts'
import { isSafePath, MANIFEST_FILE, type Manifest, parseManifest } from './manifest.ts'
import { readTar } from './tar.ts'
import { type BackupProgress, DATA_PREFIX, FILES_DIR, isArchive, readManifest, writeHashed } from './write-backup.ts'

export type RestoreOptions = {
  /** A folder or an archive that `writeBackup` wrote. */
  readonly from: string
  /** The data directory that it becomes. */
  readonly dir: string
  readonly log: Log
  readonly onProgress?: (progress: BackupProgress) => void
}

export type RestoreReport = {
  readonly files: number
  readonly sizeBytes: number
  /** When it was taken, Unix milliseconds. */
  readonly at: number
  /** Blocks that were damaged before they were backed up: they are here as they were. */
  readonly damaged: readonly string[]
}

const CACHE_BYTES = 64 * 1024 * 1024
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024

/** Rejects with `ASSAY_BACKUP`, and with the signal's reason; then the directory is as it was: empty, or not there. */
export async function restoreBackup(options: RestoreOptions, signal: AbortSignal): Promise<RestoreReport> {
  const { from, dir } = options
  const archive = await isArchiveThere(from)
  const manifest = archive ? undefined : await readManifest(from)
  await takeEmpty(dir)
  try {
    const extract = new Extract(options, signal)
    const used = manifest ?? (await extract.fromArchive())
    if (manifest !== undefined) await extract.fromFolder(manifest)
    const damaged = await readBlocks(options)
    signal.throwIfAborted()
    for (const folder of await foldersOf(dir)) await syncDir(folder)
    await rm(join(dir, RESTORE_MARKER))
    await syncDir(dir)
    return { files: used.files.length, sizeBytes: extract.doneBytes, at: used.at, damaged }
  } catch (cause) {
    await empty(dir).catch(() => undefined)
    if (signal.aborted || (cause instanceof AssayError && cause.code === 'ASSAY_BACKUP')) throw cause
    throw new AssayError('ASSAY_BACKUP', `the restore to ${dir} failed: ${messageOf(cause)}; nothing was left there`, {
      cause,
    })
  }
}

async function isArchiveThere(from: string): Promise<boolean> {
  const found = await stat(from).catch((cause: unknown) => {
    throw new AssayError('ASSAY_BACKUP', `${from} cannot be read: ${messageOf(cause)}`, { cause })
  })
  return found.isFile() && (await isArchive(from))
}

/** Makes the directory and marks it. */
async function takeEmpty(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const names = await readdir(dir)
    if (names.includes(RESTORE_MARKER)) await empty(dir)
    else {
      const [strange] = names.filter((name) => name !== 'lost+found')
      if (strange !== undefined)
        throw new AssayError(
          'ASSAY_BACKUP',
          `${dir} is not empty (it holds ${JSON.stringify(strange)}); name a directory that is, or move this one away first`,
        )
    }
    // Empty, so that it can be made on a disk that is full, too.
    await writeFile(join(dir, RESTORE_MARKER), '', { mode: 0o600 })
    await syncDir(dir)
  } catch (cause) {
    if (cause instanceof AssayError) throw cause
    throw new AssayError('ASSAY_BACKUP', `${dir} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

/** The marker goes last: what is half stays marked. */
async function empty(dir: string): Promise<void> {
  for (const name of await readdir(dir))
    if (name !== RESTORE_MARKER && name !== 'lost+found') await rm(join(dir, name), { recursive: true, force: true })
  await rm(join(dir, RESTORE_MARKER), { force: true })
}

class Extract {
  readonly #options: RestoreOptions
  readonly #signal: AbortSignal
  #totalBytes = 0
  doneBytes = 0

  constructor(options: RestoreOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  async fromFolder({ files }: Manifest): Promise<void> {
    this.#totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    for (const { path, sha256 } of files) {
      const source = join(this.#options.from, FILES_DIR, sha256)
      const content = createReadStream(source, { highWaterMark: 1024 * 1024 })
      const hash = await this.#write(path, content).catch((error: unknown) => {
        if (hasCode(error, 'ENOENT')) throw this.#damaged(path, 'is missing')
        throw error
      })
      if (hash !== sha256) throw this.#damaged(path, 'is damaged')
    }
  }

  /** The manifest comes last, so all is compared at the end. */
  async fromArchive(): Promise<Manifest> {
    const { from } = this.#options
    this.#totalBytes = (await stat(from)).size
    const hashes = new Map<string, string>()
    let manifest: Manifest | undefined
    for await (const { name, sizeBytes, content } of readTar(
      createReadStream(from, { highWaterMark: 1024 * 1024 }),
      from,
    )) {
      if (name === MANIFEST_FILE && sizeBytes <= MAX_MANIFEST_BYTES)
        manifest = parseManifest(await textOf(content), from)
      else {
        const path = name.startsWith(DATA_PREFIX) ? name.slice(DATA_PREFIX.length) : ''
        if (!isSafePath(path)) throw this.#damaged(name, 'has a name that does not belong there')
        hashes.set(path, await this.#write(path, content))
      }
    }
    if (manifest === undefined)
      throw new AssayError(
        'ASSAY_BACKUP',
        `${from} has no ${MANIFEST_FILE}: it is no backup, or one that was interrupted`,
      )
    for (const { path, sha256 } of manifest.files) {
      if (hashes.get(path) !== sha256) throw this.#damaged(path, hashes.has(path) ? 'is damaged' : 'is missing')
      hashes.delete(path)
    }
    for (const path of hashes.keys()) throw this.#damaged(path, 'is not in the manifest')
    return manifest
  }

  async #write(path: string, content: AsyncIterable<Uint8Array>): Promise<string> {
    this.#signal.throwIfAborted()
    const target = join(this.#options.dir, path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await using handle = await open(target, 'wx', 0o600)
    const hash = await writeHashed(handle, content, (bytes) => {
      this.#signal.throwIfAborted()
      this.doneBytes += bytes
      this.#options.onProgress?.({ doneBytes: this.doneBytes, totalBytes: this.#totalBytes })
    })
    await handle.sync()
    return hash
  }

  #damaged(path: string, what: string): AssayError {
    return new AssayError(
      'ASSAY_BACKUP',
      `${this.#options.from}: ${path} ${what}; nothing was restored, use another backup`,
    )
  }
}

/** Reads every block that was written; returns those that do not hold, though their files are as they were backed up. */
async function readBlocks({ dir, log }: RestoreOptions): Promise<readonly string[]> {
  const caches = { indexes: new ByteCache<never>(CACHE_BYTES), frames: new ByteCache<never>(CACHE_BYTES) }
  using blocks = await BlockStore.open(join(dir, BLOCKS_DIR), caches, log)
  for (const block of [...blocks.all]) {
    try {
      await block.verify()
    } catch (error) {
      if (!isCorrupt(error)) throw error
      blocks.putAside(error.dir, error.message)
    }
  }
  return blocks.setAside
}

async function foldersOf(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of content) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString('utf8')
}
