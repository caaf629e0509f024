/**
 * The data directory: whose it is, which format it holds, and that one process has it.
 *
 * - `assay.json` names the owner and the format. A directory with other things in it and no such file is refused.
 * - `lock` holds the pid and the start time of the process that has it. It is made by `link`, which either makes the whole
 *   file or fails, so no reader ever sees half a lock.
 * - A directory of an earlier format becomes one of this format when it is taken, so that an earlier assay, which would pass over
 *   what it does not know, refuses it from then on.
 * - A lock whose process is gone (or whose pid now belongs to another process) is taken over.
 *
 * The lock guards against two processes of one machine. Two containers with separate process ids that share a volume do not
 * see each other: give each its own directory.
 */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AssayError, messageOf } from '#core'

/**
 * 2: log and blocks may hold native histograms and start timestamps. 3: and late samples. 4: and tombstones. What earlier formats wrote
 * is read as it is.
 */
export const DATA_FORMAT = 4

export const IDENTITY_FILE = 'assay.json'
export const BLOCKS_DIR = 'blocks'
export const METADATA_FILE = 'metadata.json'
export const STATE_FILE = 'state.sqlite'
/** There while a restore has not ended: see backup/restore.ts. */
export const RESTORE_MARKER = 'restore.incomplete'
const LOCK_FILE = 'lock'
/**
 * What may lie in a directory that is to become ours: an interrupted first start, a mount point's own folder, and a log or a
 * configuration, as somebody may keep ours there.
 */
const HARMLESS = /^(lock|lock\..*|assay\.json\.tmp|lost\+found|.*\.(log|ya?ml))$/

export interface DataDir extends AsyncDisposable {
  readonly path: string
  /** Made once, when the directory was: what tells one store's data from another's. */
  readonly id: string
  readonly walDir: string
  readonly blocksDir: string
  readonly stateFile: string
  /** Types, help texts and units of metrics: see metadata-file.ts. */
  readonly metadataFile: string
  /** What was deleted of the log: see deletion/deletions.ts. */
  readonly deletionsFile: string
  /** Copies of the store, each a data directory of its own. */
  readonly snapshotsDir: string
}

/**
 * Takes the directory, making it when there is none. Dispose it after everything that writes there.
 *
 * Rejects with `ASSAY_DATA_LOCKED` (another process has it), `ASSAY_DATA_FOREIGN` (not ours), `ASSAY_DATA_NEWER` (a later
 * assay's), `ASSAY_DATA_OPEN` (anything else: permissions, not a directory).
 */
export async function openDataDir(dir: string): Promise<DataDir> {
  const path = resolve(dir)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    // Asked before the lock is taken, so that nothing is left behind in a directory that is not ours.
    const known = await readIdentity(path)
    await mustBeRestored(path)
    if (known === undefined) await mustBeEmpty(path)
    await using owned = new AsyncDisposableStack()
    owned.use(await takeLock(path))
    // Asked again under the lock: another process may have made it meanwhile.
    const identity = (await readIdentity(path)) ?? { id: randomUUID(), format: 0 }
    if (identity.format < DATA_FORMAT) await writeIdentity(path, identity.id)
    const { id } = identity
    const at = (name: string) => join(path, name)
    const taken = owned.move()
    return {
      path,
      id,
      walDir: at('wal'),
      blocksDir: at(BLOCKS_DIR),
      stateFile: at(STATE_FILE),
      metadataFile: at(METADATA_FILE),
      deletionsFile: at('deletions.bin'),
      snapshotsDir: at('snapshots'),
      [Symbol.asyncDispose]: () => taken.disposeAsync(),
    }
  } catch (cause) {
    if (cause instanceof AssayError) throw cause
    throw new AssayError('ASSAY_DATA_OPEN', `the data directory ${path} cannot be used: ${messageOf(cause)}`, { cause })
  }
}

type Identity = { readonly id: string; readonly format: number }

async function readIdentity(path: string): Promise<Identity | undefined> {
  const text = await readFile(join(path, IDENTITY_FILE), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (text === undefined) return undefined
  const { product, format, id } = parseObject(text)
  if (product !== 'assay' || typeof format !== 'number' || typeof id !== 'string') {
    throw new AssayError(
      'ASSAY_DATA_FOREIGN',
      `${join(path, IDENTITY_FILE)} does not say that this is assay's data; give assay a directory of its own`,
    )
  }
  if (format > DATA_FORMAT) {
    throw new AssayError(
      'ASSAY_DATA_NEWER',
      `${path} was written by a later assay (format ${format}, this one knows up to ${DATA_FORMAT}); start that version, or give another directory`,
    )
  }
  return { id, format }
}

/** Says whose data the directory holds, durably. */
export async function writeIdentity(path: string, id: string): Promise<void> {
  await writeDurably(join(path, IDENTITY_FILE), `${JSON.stringify({ product: 'assay', format: DATA_FORMAT, id })}\n`)
  await syncDir(path)
}

async function mustBeRestored(path: string): Promise<void> {
  if (!(await readdir(path)).includes(RESTORE_MARKER)) return
  throw new AssayError(
    'ASSAY_DATA_FOREIGN',
    `a restore into ${path} has not ended; run "assay restore" again, or empty the directory`,
  )
}

async function mustBeEmpty(path: string): Promise<void> {
  const strange = (await readdir(path)).find((name) => !HARMLESS.test(name))
  if (strange === undefined) return
  throw new AssayError(
    'ASSAY_DATA_FOREIGN',
    `${path} is not empty and not assay's (it holds ${JSON.stringify(strange)}); give assay a directory of its own`,
  )
}

type Holder = { readonly pid: number; readonly startedAt: string }

/** What no other process of this machine says, and this one once. Not random: that would load OpenSSL, a tenth of what a start costs. */
function unique(): string {
  return `${process.pid}.${process.hrtime.bigint()}`
}

async function takeLock(path: string): Promise<AsyncDisposable> {
  const file = join(path, LOCK_FILE)
  const mine = `${JSON.stringify({ pid: process.pid, startedAt: await startOf(process.pid), token: unique() })}\n`
  const own = `${file}.${unique()}`
  await writeFile(own, mine, { mode: 0o600 })
  try {
    // Each turn either takes the lock, finds a living holder, or removes one dead holder's file.
    for (let turn = 0; turn < 10; turn++) {
      if (await tryLink(own, file)) return { [Symbol.asyncDispose]: () => release(file, mine) }
      const found = await readFile(file, 'utf8').catch(() => undefined)
      if (found === undefined) continue
      const holder = holderOf(found)
      if (holder !== undefined && (await isAlive(holder))) throw lockedError(path, holder.pid)
      await removeStale(file, found)
    }
    throw new AssayError('ASSAY_DATA_LOCKED', `${path}: other processes keep taking its lock; try again`)
  } finally {
    await rm(own, { force: true })
  }
}

function lockedError(path: string, pid: number): AssayError {
  return new AssayError(
    'ASSAY_DATA_LOCKED',
    `${path} is in use by process ${pid}; stop that one, or give this one another directory`,
  )
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Moves a dead holder's lock out of the way. Should another process have replaced it meanwhile, its lock is put back. */
async function removeStale(file: string, expected: string): Promise<void> {
  const aside = `${file}.${unique()}`
  try {
    await rename(file, aside)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== expected) await tryLink(aside, file)
  await rm(aside, { force: true })
}

async function release(file: string, mine: string): Promise<void> {
  const found = await readFile(file, 'utf8').catch(() => undefined)
  if (found === mine) await rm(file, { force: true })
}

function holderOf(text: string): Holder | undefined {
  const { pid, startedAt } = parseObject(text)
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  return { pid, startedAt: typeof startedAt === 'string' ? startedAt : '' }
}

/** The same process, not another one that got its number. Where the system does not tell start times, the number decides. */
async function isAlive({ pid, startedAt }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return false
  }
  const now = await startOf(pid)
  return now === '' || startedAt === '' || now === startedAt
}

/** The boot's id and the start time in clock ticks since then, or '' where there is no /proc. */
async function startOf(pid: number): Promise<string> {
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8')
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    // The program's name stands in parentheses and may hold blanks; the 20th field after it is the start time.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return `${boot.trim()}:${fields[19]}`
  } catch {
    return ''
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** Writes a file so that after a crash there is either the old one or the whole new one. */
export async function writeDurably(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.tmp`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
}

/** Makes new names and renames in a directory survive power loss. */
export async function syncDir(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
