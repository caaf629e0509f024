/**
 * Writes a backup: into a folder, where files are kept by their SHA-256 and what is there already is not copied again, or into one archive.
 *
 * - The manifest comes last: what was interrupted has none, or still the one before, whose files are all there.
 * - What was copied is read again and compared before it counts.
 * - Of a block whose `meta.json` is as it was in the backup before, nothing else is read: it holds the checksums of the rest.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AssayError, messageOf } from '#core'
import { hasCode, syncDir, writeDurably } from '../data-dir.ts'
import {
  BACKUP_FORMAT,
  formatManifest,
  MANIFEST_FILE,
  type Manifest,
  type ManifestFile,
  parseManifest,
} from './manifest.ts'
import type { BackupFile, BackupSource } from './source.ts'
import { TAR_END, tarHeader, tarPadding } from './tar.ts'

export const FILES_DIR = 'files'
/** In an archive, before the path of a file. */
export const DATA_PREFIX = 'data/'

export type BackupProgress = { readonly doneBytes: number; readonly totalBytes: number }

export type BackupReport = {
  readonly files: number
  readonly sizeBytes: number
  /** What was copied; the rest was there from a backup before. */
  readonly copiedBytes: number
}

export type BackupOptions = { readonly onProgress?: (progress: BackupProgress) => void }

/** Whether a target is one file: by its name, or as it is one already. */
export async function isArchive(target: string): Promise<boolean> {
  const found = await stat(target).catch(() => undefined)
  return found === undefined ? target.endsWith('.tar') : found.isFile()
}

/** Rejects with `ASSAY_BACKUP`, and with the signal's reason. */
export async function writeBackup(
  source: BackupSource,
  target: string,
  options: BackupOptions,
  signal: AbortSignal,
): Promise<BackupReport> {
  try {
    return (await isArchive(target))
      ? await writeArchive(source, target, options, signal)
      : await writeFolder(source, target, options, signal)
  } catch (cause) {
    if (signal.aborted || cause instanceof AssayError) throw cause
    throw new AssayError('ASSAY_BACKUP', `the backup to ${target} failed: ${messageOf(cause)}`, { cause })
  }
}

/** Throws `ASSAY_BACKUP` when there is none, or it is damaged. */
export async function readManifest(dir: string): Promise<Manifest> {
  const text = await readFile(join(dir, MANIFEST_FILE), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT'))
      throw new AssayError(
        'ASSAY_BACKUP',
        `${dir} has no ${MANIFEST_FILE}: it is no backup, or one that was interrupted`,
      )
    throw error
  })
  return parseManifest(text, dir)
}

async function writeFolder(
  source: BackupSource,
  dir: string,
  { onProgress }: BackupOptions,
  signal: AbortSignal,
): Promise<BackupReport> {
  await mkdir(join(dir, FILES_DIR), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new AssayError('ASSAY_BACKUP', `${dir} cannot be written: ${messageOf(error)}`, { cause: error })
  })
  const strange = (await readdir(dir)).find(
    (name) => ![FILES_DIR, MANIFEST_FILE, `${MANIFEST_FILE}.tmp`].includes(name),
  )
  if (strange !== undefined)
    throw new AssayError(
      'ASSAY_BACKUP',
      `${dir} holds ${JSON.stringify(strange)}; give the backup a directory of its own`,
    )
  const before = await manifestBefore(dir, source.store)
  const copier = new Copier(source, join(dir, FILES_DIR), { before, onProgress }, signal)
  const files: ManifestFile[] = []
  // The small file of a block decides over the others, so it comes first.
  for (const file of source.files.toSorted((a, b) => Number(isMeta(b)) - Number(isMeta(a))))
    files.push(await copier.keep(file))
  await syncDir(join(dir, FILES_DIR))
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  const manifest = { format: BACKUP_FORMAT, store: source.store, at: source.at, files }
  signal.throwIfAborted()
  await writeDurably(join(dir, MANIFEST_FILE), formatManifest(manifest))
  await syncDir(dir)
  const kept = new Set(files.map(({ sha256 }) => sha256))
  for (const name of await readdir(join(dir, FILES_DIR)))
    if (!kept.has(name)) await rm(join(dir, FILES_DIR, name), { force: true })
  return { files: files.length, sizeBytes: copier.doneBytes, copiedBytes: copier.copiedBytes }
}

/** A backup of another store in the same place would be deleted by the next one: it is refused. */
async function manifestBefore(dir: string, store: string): Promise<Manifest | undefined> {
  const text = await readFile(join(dir, MANIFEST_FILE), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const before = parseManifest(text, dir)
  if (before.store !== store)
    throw new AssayError(
      'ASSAY_BACKUP',
      `${dir} is a backup of another data directory; give this one a directory of its own`,
    )
  return before
}

class Copier {
  readonly #source: BackupSource
  readonly #dir: string
  readonly #before: ReadonlyMap<string, ManifestFile>
  readonly #onProgress: BackupOptions['onProgress']
  readonly #signal: AbortSignal
  readonly #totalBytes: number
  /** Blocks whose `meta.json` is as it was. */
  readonly #same = new Set<string>()
  doneBytes = 0
  copiedBytes = 0

  constructor(
    source: BackupSource,
    dir: string,
    { before, onProgress }: { before: Manifest | undefined; onProgress: BackupOptions['onProgress'] },
    signal: AbortSignal,
  ) {
    this.#source = source
    this.#dir = dir
    this.#before = new Map(before?.files.map((file) => [file.path, file]))
    this.#onProgress = onProgress
    this.#signal = signal
    this.#totalBytes = source.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  async keep(file: BackupFile): Promise<ManifestFile> {
    this.#signal.throwIfAborted()
    const known = this.#before.get(file.path)
    const isSame =
      known !== undefined &&
      known.sizeBytes === file.sizeBytes &&
      this.#same.has(dirname(file.path)) &&
      isImmutable(file) &&
      (await sizeOf(join(this.#dir, known.sha256))) === known.sizeBytes
    const sha256 = isSame ? known.sha256 : await this.#copy(file)
    if (isSame) this.#tell(file.sizeBytes)
    if (isMeta(file) && known?.sha256 === sha256) this.#same.add(dirname(file.path))
    return { ...file, sha256 }
  }

  async #copy({ path, sizeBytes }: BackupFile): Promise<string> {
    const temporary = join(this.#dir, 'copying.tmp')
    const hash = createHash('sha256')
    let size = 0
    {
      await using handle = await open(temporary, 'w', 0o600)
      for await (const bytes of this.#source.read(path)) {
        this.#signal.throwIfAborted()
        hash.update(bytes)
        await handle.writeFile(bytes)
        size += bytes.length
        this.#tell(bytes.length)
      }
      await handle.sync()
    }
    if (size !== sizeBytes) throw new Error(`${path} came with ${size} bytes, not ${sizeBytes}`)
    const sha256 = hash.digest('hex')
    if ((await hashOfFile(temporary)) !== sha256) throw new Error(`${path} does not read back as it was written`)
    await rename(temporary, join(this.#dir, sha256))
    this.copiedBytes += size
    return sha256
  }

  #tell(bytes: number): void {
    this.doneBytes += bytes
    this.#onProgress?.({ doneBytes: this.doneBytes, totalBytes: this.#totalBytes })
  }
}

async function writeArchive(
  source: BackupSource,
  target: string,
  { onProgress }: BackupOptions,
  signal: AbortSignal,
): Promise<BackupReport> {
  const partial = `${target}.partial`
  const totalBytes = source.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let doneBytes = 0
  const whole = createHash('sha256')
  try {
    {
      await using handle = await open(partial, 'w', 0o600)
      const write = async (bytes: Uint8Array) => {
        whole.update(bytes)
        await handle.writeFile(bytes)
      }
      const files: ManifestFile[] = []
      for (const { path, sizeBytes } of source.files) {
        await write(tarHeader(`${DATA_PREFIX}${path}`, sizeBytes, source.at))
        const hash = createHash('sha256')
        let size = 0
        for await (const bytes of source.read(path)) {
          signal.throwIfAborted()
          hash.update(bytes)
          await write(bytes)
          size += bytes.length
          onProgress?.({ doneBytes: (doneBytes += bytes.length), totalBytes })
        }
        if (size !== sizeBytes) throw new Error(`${path} came with ${size} bytes, not ${sizeBytes}`)
        await write(tarPadding(sizeBytes))
        files.push({ path, sizeBytes, sha256: hash.digest('hex') })
      }
      await writeText(write, MANIFEST_FILE, source, files)
      await write(TAR_END)
      await handle.sync()
    }
    signal.throwIfAborted()
    if ((await hashOfFile(partial)) !== whole.digest('hex')) throw new Error('it does not read back as it was written')
    await rename(partial, target)
    await syncDir(dirname(target))
    return { files: source.files.length, sizeBytes: totalBytes, copiedBytes: totalBytes }
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw error
  }
}

async function writeText(
  write: (bytes: Uint8Array) => Promise<void>,
  name: string,
  { store, at }: BackupSource,
  files: readonly ManifestFile[],
): Promise<void> {
  const text = Buffer.from(formatManifest({ format: BACKUP_FORMAT, store, at, files }))
  await write(tarHeader(name, text.length, at))
  await write(text)
  await write(tarPadding(text.length))
}

export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(bytes)
  return hash.digest('hex')
}

/** Writes what comes, hashing it; the handle stays the caller's. */
export async function writeHashed(
  handle: FileHandle,
  content: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of content) {
    hash.update(bytes)
    await handle.writeFile(bytes)
    onBytes(bytes.length)
  }
  return hash.digest('hex')
}

function isMeta({ path }: BackupFile): boolean {
  return /^blocks\/[^/]+\/meta\.json$/.test(path)
}

/** Files of a block that its `meta.json` speaks for. */
function isImmutable({ path }: BackupFile): boolean {
  return /^blocks\/[^/]+\/(?:meta\.json|index\.bin|chunks\.bin)$/.test(path)
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => -1,
  )
}
