/**
 * A copy of all the store holds at one moment, as a data directory of its own: hard links to blocks, which never change, and blocks of
 * what is in memory.
 *
 * - It is made under `tmp-NAME` and renamed when all of it is on disk: a snapshot is there whole or not at all.
 * - The store goes on: the head keeps its samples, and readers and writers do not wait.
 * - What was deleted is not in it, or under tombstones that go with their block.
 *
 * Runs while no other upkeep does, so that blocks neither come nor go.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { BlockStore } from './block/block-store.ts'
import { writeBlock } from './block/block-writer.ts'
import { columnsOf } from './columns/part.ts'
import { BLOCKS_DIR, hasCode, METADATA_FILE, syncDir, writeIdentity } from './data-dir.ts'
import type { Deletions } from './deletion/deletions.ts'
import { partsWithout } from './deletion/without-deleted.ts'
import type { Head } from './head.ts'
import type { LateStore } from './late/late-store.ts'

export type SnapshotDeps = {
  readonly head: Head
  readonly late: LateStore
  readonly blocks: BlockStore
  readonly deletions: Deletions
  /** Of the data directory. */
  readonly path: string
  readonly snapshotsDir: string
}

export type SnapshotOptions = {
  /** A folder name. */
  readonly name: string
  /** Blocks alone, without what is in memory. */
  readonly skipHead?: boolean
  /** Whose data it says it is; left out: a new store's. */
  readonly id?: string
}

/** Folders that begin so are removed at the next start. */
export const UNFINISHED = 'tmp-'

/** As Prometheus names them: the instant in UTC and a random number, so that names sort by time and never meet. */
export function snapshotName(at: number): string {
  const instant = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${instant}-${randomBytes(8).toString('hex')}`
}

/** Returns its folder. Rejects with what the disk said, or the signal's reason; then nothing is left of it. */
export async function writeSnapshot(
  deps: SnapshotDeps,
  options: SnapshotOptions,
  signal: AbortSignal,
): Promise<string> {
  const { snapshotsDir, path } = deps
  const temporary = join(snapshotsDir, `${UNFINISHED}${options.name}`)
  const final = join(snapshotsDir, options.name)
  await mkdir(join(temporary, BLOCKS_DIR), { recursive: true, mode: 0o700 })
  try {
    if (options.skipHead !== true) await writeMemory(deps, join(temporary, BLOCKS_DIR), signal)
    await linkBlocks(deps.blocks, join(temporary, BLOCKS_DIR), signal)
    await copyFile(join(path, METADATA_FILE), join(temporary, METADATA_FILE)).catch(unlessMissing)
    await syncDir(join(temporary, BLOCKS_DIR))
    await writeIdentity(temporary, options.id ?? randomUUID())
    signal.throwIfAborted()
    await rename(temporary, final)
    await syncDir(snapshotsDir)
    return final
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
}

/** Removes what was interrupted. */
export async function removeUnfinished(snapshotsDir: string): Promise<void> {
  for (const name of await readdir(snapshotsDir).catch(() => [])) {
    if (name.startsWith(UNFINISHED)) await rm(join(snapshotsDir, name), { recursive: true, force: true })
  }
}

async function writeMemory(
  { head, late, blocks, deletions }: SnapshotDeps,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  // One moment: no turn of the loop lies between these.
  const lateView = late.view()
  const start = head.minTime
  const end = head.maxTime + 1
  const deleted = deletions.head
  const view = head.openView(start, end)
  try {
    if (start < end) {
      const parts = head.reader.select(view, [], start, end - 1)
      await writeBlock(dir, { start, end, merged: 1 }, columnsOf(partsWithout(parts, deleted)), signal)
    }
  } finally {
    head.closeView(view)
  }
  for (const table of lateView.tables) {
    const span = { commit: lateView.commit, low: -Infinity, high: Infinity }
    const place = { start: table.minTime, end: table.maxTime + 1, late: 'only' as const, merged: 1 }
    const generation = blocks.nextLateGeneration()
    await writeBlock(dir, { ...place, generation }, columnsOf(table.select([], span)), signal)
  }
}

async function linkBlocks(blocks: BlockStore, dir: string, signal: AbortSignal): Promise<void> {
  for (const block of blocks.all) {
    signal.throwIfAborted()
    const into = join(dir, basename(block.dir))
    await mkdir(into, { mode: 0o700 })
    for (const name of await readdir(block.dir)) {
      if (!name.endsWith('.tmp')) await linkOrCopy(join(block.dir, name), join(into, name))
    }
    await syncDir(into)
  }
}

/** Some file systems know no links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EMLINK', 'EXDEV', 'ENOSYS'].some((code) => hasCode(error, code))) throw error
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  }
}

function unlessMissing(error: unknown): void {
  if (!hasCode(error, 'ENOENT')) throw error
}
