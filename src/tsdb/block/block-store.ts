/**
 * The blocks on disk, opened, added, replaced, dropped, set aside. Ordinary ones are in order of time and do not overlap; those of late
 * samples may overlap them and each other, and come in the order in which they were written.
 *
 * - A folder that is damaged is renamed to `corrupt-...` and reported; the rest serves. What of it is whole comes back as a block of its
 *   own with the next `repairDamaged`.
 * - Left-overs of an interrupted write (`tmp-...`), blocks that were given up (gone-folder.ts) and those that a merged one replaced are
 *   deleted when opening.
 */
import { renameSync, statSync } from 'node:fs'
import { access, mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AssayError, type Labels, type Log, messageOf, type NativeHistogram } from '#core'
import { type Columns, columnsOfPart } from '../columns/weave.ts'
import { readBlockTombstones } from '../deletion/block-tombstones.ts'
import { isDeleted } from '../deletion/unsettle-next.ts'
import { partWithout } from '../deletion/without-deleted.ts'
import { Block } from './block.ts'
import { BlockCorruptError } from './block-error.ts'
import type { BlockCaches } from './block-files.ts'
import { type BlockPlace, blockName, isBlockName } from './block-meta.ts'
import type { BlockSpan } from './block-writer.ts'
import { giveUpFolder, isGivenUp, removeFolder } from './gone-folder.ts'
import { markRepaired, placeOf, REPAIR_FILE, type RepairReport, repairBlock } from './repair-block.ts'

const SET_ASIDE = 'corrupt-'

type Serving = {
  /** Those it takes the place of. */
  readonly replaced?: readonly Block[]
  /** Runs in the turn in which it begins to serve, so that no reader can open between the two. */
  readonly onServing?: () => void
}

export class BlockStore implements Disposable {
  readonly dir: string
  readonly #caches: BlockCaches
  readonly #log: Log
  #blocks: Block[] = []
  #late: Block[] = []
  /** The last number given to a block of late samples. */
  #lateGeneration = 0
  readonly #setAside: string[] = []
  /** Folders of dropped blocks, and of those that were never served, that could not be given up. */
  readonly #held = new Set<string>()
  /** Of those set aside, the ones that nothing was kept of yet. */
  #damaged: string[] = []

  private constructor(dir: string, caches: BlockCaches, log: Log) {
    this.dir = dir
    this.#caches = caches
    this.#log = log
  }

  /** Rejects with `ASSAY_DATA_NEWER` when a later version wrote a block: setting it aside would hide good data. */
  static async open(dir: string, caches: BlockCaches, log: Log): Promise<BlockStore> {
    await mkdir(dir, { recursive: true })
    const store = new BlockStore(dir, caches, log)
    for (const name of await readdir(dir)) {
      if (name.startsWith('tmp-')) await rm(join(dir, name), { recursive: true, force: true })
      else if (name.startsWith(SET_ASIDE)) await store.#rememberSetAside(name)
      else if (isBlockName(name) && isGivenUp(join(dir, name))) removeFolder(join(dir, name))
      else if (isBlockName(name)) await store.#openOrSetAside(join(dir, name))
    }
    store.#sort()
    store.#dropReplaced()
    return store
  }

  /** How full the caches of all blocks are, and how many entries had to make room. */
  get cache(): { readonly bytes: number; readonly evicted: number } {
    const { indexes, frames } = this.#caches
    return { bytes: indexes.bytes + frames.bytes, evicted: indexes.evicted + frames.evicted }
  }

  get blocks(): readonly Block[] {
    return this.#blocks
  }

  /** Blocks of late samples alone, older ones first. */
  get late(): readonly Block[] {
    return this.#late
  }

  get all(): readonly Block[] {
    return this.#late.length === 0 ? this.#blocks : [...this.#blocks, ...this.#late]
  }

  /** The last instant that a block holds, or -Infinity. */
  get maxTime(): number {
    return this.all.reduce((last, { meta }) => Math.max(last, meta.maxTime), -Infinity)
  }

  nextLateGeneration(): number {
    return ++this.#lateGeneration
  }

  /** Folders that were damaged and no longer serve, by name. */
  get setAside(): readonly string[] {
    return this.#setAside
  }

  get sizeBytes(): number {
    return this.all.reduce((sum, block) => sum + block.sizeBytes, 0)
  }

  /** The end of the last ordinary block, or -Infinity. */
  get end(): number {
    return this.#blocks.at(-1)?.meta.end ?? -Infinity
  }

  /**
   * Writes the block of `span` by `write`, into the folder it is handed, and serves it. `undefined` when there was nothing to write. Rejects
   * with what the disk said; then nothing of it is served, now or by a later start, which would take it for newer than what was written
   * instead of it. Nothing is written before the left-over of an earlier try could be given up.
   */
  async write<Written>(
    span: BlockSpan,
    write: (dir: string) => Promise<Written | undefined>,
    serving: Serving = {},
  ): Promise<Written | undefined> {
    this.giveUpAll()
    try {
      const written = await write(this.dir)
      if (written !== undefined) await this.add(blockName(span), serving)
      return written
    } catch (error) {
      this.#giveUpUnserved(join(this.dir, blockName(span)))
      throw error
    }
  }

  /** Serves the finished block of that folder name. */
  async add(name: string, { replaced = [], onServing }: Serving): Promise<void> {
    const block = await Block.open(join(this.dir, name), this.#caches)
    this.#blocks = this.#blocks.filter((one) => !replaced.includes(one))
    this.#late = this.#late.filter((one) => !replaced.includes(one))
    this.#put(block)
    this.#sort()
    onServing?.()
    for (const one of replaced) this.#giveUp(one)
  }

  /**
   * The last sample that blocks hold of a series, if it is a histogram; blocks that end at or before `since` are not asked. Damage
   * that shows up sets the block aside and is no failure of who asks.
   */
  lastHistogram(labels: Labels, since: number): NativeHistogram | undefined {
    for (const block of this.#blocks.toReversed()) {
      if (block.meta.end <= since) return undefined
      try {
        const found = block.lastHistogram(labels)
        // Of what was deleted nothing is known any more.
        if (found !== undefined) return isDeleted(block.tombstones, labels, found.at) ? undefined : found.histogram
      } catch (error) {
        if (!isCorrupt(error)) throw error
        this.putAside(error.dir, error.message)
      }
    }
    return undefined
  }

  /** The samples that blocks hold of a series within [low, high], those in order first. Damage as with `lastHistogram`. */
  find(labels: Labels, low: number, high: number): readonly Columns[] {
    const found: Columns[] = []
    for (const block of this.all) {
      try {
        const whole = block.find(labels, low, high)
        const part = whole === undefined ? undefined : partWithout(whole, block.tombstones)
        if (part === undefined) continue
        // Read here, so that damage to its frames shows up here too.
        found.push(columnsOfPart(part))
      } catch (error) {
        if (!isCorrupt(error)) throw error
        this.putAside(error.dir, error.message)
      }
    }
    return found
  }

  /** Takes the block out and deletes its folder once nobody reads it. */
  drop(block: Block): void {
    this.#remove(block)
    this.#giveUp(block)
  }

  /**
   * Gives up the folders that the disk held on to: a start would serve them again, with what was deleted since. Throws what the disk
   * said; then nothing more may be deleted.
   */
  giveUpAll(): void {
    for (const dir of this.#held) {
      // Gone already where only the deletion of its files was refused: those have a name that a start removes.
      if (statSync(dir, { throwIfNoEntry: false }) !== undefined) {
        giveUpFolder(dir)
        removeFolder(dir)
      }
      this.#held.delete(dir)
    }
  }

  /** Renames the folder of a damaged block and goes on without it. */
  putAside(dir: string, reason: string): void {
    const block = this.all.find((one) => one.dir === dir)
    const name = `${SET_ASIDE}${basename(dir)}`
    // Several readers may find the same damage.
    if (this.#setAside.includes(name)) return
    this.#log.error(
      { block: dir, reason, setAside: name },
      'a damaged block was set aside; its samples are missing until what is whole of it was written anew',
    )
    try {
      renameSync(dir, join(this.dir, name))
    } catch (error) {
      this.#log.error({ block: dir, err: messageOf(error) }, 'the damaged block could not be renamed')
    }
    this.#setAside.push(name)
    this.#damaged.push(name)
    if (block === undefined) return
    this.#remove(block)
    block.release()
  }

  /** A block was set aside and what is whole of it is not served yet. */
  get needsRepair(): boolean {
    return this.#damaged.length > 0
  }

  /**
   * Writes what is whole of damaged blocks into new ones, which serve from then on; what was lost is logged. Runs while no other upkeep
   * does. Rejects with what the disk said, or the signal's reason; the rest is tried again with the next call.
   */
  async repairDamaged(signal: AbortSignal): Promise<readonly RepairReport[]> {
    const reports: RepairReport[] = []
    for (const folder of [...this.#damaged]) {
      const name = folder.slice(SET_ASIDE.length)
      const place = placeOf(name)
      if (place !== undefined) {
        // Where other blocks have that span by now, what is whole is added to it as late samples are.
        const isTaken = this.#blocks.some(({ meta }) => meta.start < place.end && meta.end > place.start)
        const isLate = isTaken || place.late === 'only'
        const next = isLate
          ? { ...place, late: 'only' as const, generation: this.nextLateGeneration() }
          : { ...place, generation: (place.generation ?? 0) + 1 }
        const report = await this.#repair(join(this.dir, folder), { name, place: next }, signal)
        this.#log.warn({ block: folder, ...report }, 'what is whole of a damaged block serves again; the rest is lost')
        reports.push(report)
      }
      this.#damaged = this.#damaged.filter((one) => one !== folder)
    }
    return reports
  }

  [Symbol.dispose](): void {
    for (const block of this.all) block.release()
    this.#blocks = []
    this.#late = []
  }

  async #repair(
    damaged: string,
    { name, place }: { readonly name: string; readonly place: BlockPlace },
    signal: AbortSignal,
  ): Promise<RepairReport> {
    let report: RepairReport | undefined
    await this.write({ ...place, merged: 1 }, async (dir) => {
      report = await repairBlock(damaged, { dir, name, place }, signal)
      return report.kept
    })
    await markRepaired(damaged, report!)
    return report!
  }

  async #rememberSetAside(name: string): Promise<void> {
    this.#setAside.push(name)
    const isDone = await access(join(this.dir, name, REPAIR_FILE)).then(
      () => true,
      () => false,
    )
    if (!isDone) this.#damaged.push(name)
  }

  async #openOrSetAside(dir: string): Promise<void> {
    try {
      const tombstones = await readBlockTombstones(dir)
      const block = await Block.open(dir, this.#caches)
      block.tombstones = tombstones
      this.#put(block)
    } catch (error) {
      if (!(error instanceof AssayError) || error.code !== 'ASSAY_TSDB_CORRUPT') throw error
      this.putAside(dir, error.message)
    }
  }

  #giveUp(block: Block): void {
    try {
      block.drop()
    } catch (error) {
      this.#held.add(block.dir)
      this.#log.error(
        { block: block.dir, err: messageOf(error) },
        'a block that is no longer needed could not be deleted',
      )
    }
  }

  /** What there is of a block that was to be written: all of it, when the disk failed at the last step. */
  #giveUpUnserved(dir: string): void {
    if (this.all.some((block) => block.dir === dir)) return
    this.#held.add(dir)
    try {
      this.giveUpAll()
    } catch (error) {
      this.#log.error({ block: dir, err: messageOf(error) }, 'a block that could not be served could not be deleted')
    }
  }

  #put(block: Block): void {
    if (block.isLate) {
      this.#late.push(block)
      this.#lateGeneration = Math.max(this.#lateGeneration, block.generation)
    } else this.#blocks.push(block)
  }

  #remove(block: Block): void {
    this.#blocks = this.#blocks.filter((one) => one !== block)
    this.#late = this.#late.filter((one) => one !== block)
  }

  /** Of blocks that begin together the one that replaced the others comes first. */
  #sort(): void {
    this.#blocks.sort((a, b) => a.meta.start - b.meta.start || b.meta.end - a.meta.end || b.generation - a.generation)
    this.#late.sort((a, b) => a.generation - b.generation)
  }

  /** A crash between the rename of a merged block and the deletion of its sources leaves both: the merged one has it all. */
  #dropReplaced(): void {
    let covered: Block | undefined
    for (const block of [...this.#blocks]) {
      if (covered !== undefined && block.meta.end <= covered.meta.end) {
        this.#log.info({ block: block.dir, by: covered.dir }, 'a block that a merged one replaced is deleted')
        this.drop(block)
      } else covered = block
    }
  }
}

export function isCorrupt(error: unknown): error is BlockCorruptError {
  return error instanceof BlockCorruptError
}
