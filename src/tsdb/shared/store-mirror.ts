/**
 * The store in another thread: reads what was lent to it (store-share.ts), the head from shared memory, blocks from their files.
 *
 * - Views are adopted in the order in which they were lent; several may be read at a time.
 * - A block that cannot be read here (damage, or files that are gone) is an error: its owner is to be asked, and sees to it.
 * - Reading a series with histograms or start timestamps in the head, other than it was lent for, throws `NotSharedError`.
 */
import type { UnixMs } from '#core'
import type { Querier } from '#storage'
import { Block } from '../block/block.ts'
import type { BlockCaches } from '../block/block-files.ts'
import { ByteCache } from '../block/byte-cache.ts'
import { ByteReader } from '../codec/bytes.ts'
import { Tombstones } from '../deletion/tombstones.ts'
import { HeadMirror } from '../head.ts'
import { TsdbQuerier } from '../read/querier.ts'
import type { LentBlock, StoreView } from './store-view.ts'

/** Bytes of unpacked frames and of indexes kept, each. */
const CACHE_BYTES = 24 * 1024 * 1024

/** What was lent, open for reading until it is disposed. */
export type AdoptedView = Disposable & { readonly querier: (start: UnixMs, end: UnixMs) => Querier }

type Kept = { readonly block: Block; readonly isLate: boolean }

export class StoreMirror implements AsyncDisposable {
  readonly #head = new HeadMirror()
  readonly #caches: BlockCaches = { indexes: new ByteCache(CACHE_BYTES), frames: new ByteCache(CACHE_BYTES) }
  readonly #open = new Map<string, Block>()
  /** Blocks of the views that come, once those before them are open. */
  #blocks: Promise<readonly Kept[]> = Promise.resolve([])

  /** Rejects when a block cannot be opened. */
  async adopt({ head, blocks }: StoreView): Promise<AdoptedView> {
    const view = this.#head.adopt(head, -Infinity, Infinity)
    if (blocks !== undefined) this.#blocks = this.#exchange(this.#blocks, blocks)
    const release = () => this.#head.release()
    const kept = await this.#blocks.catch((error: unknown) => {
      release()
      throw error
    })
    for (const { block } of kept) block.retain()
    const inSpan = (isLate: boolean, start: number, end: number) =>
      kept.flatMap((one) =>
        one.isLate === isLate && one.block.meta.start <= end && one.block.meta.end > start ? [one.block] : [],
      )
    let isOpen = true
    return {
      querier: (start, end) =>
        new TsdbQuerier({
          head: this.#head.reader,
          view,
          deleted: Tombstones.none,
          blocks: inSpan(false, start, end),
          lateBlocks: inSpan(true, start, end),
          late: { tables: [], commit: 0 },
          start,
          end,
          onCorrupt: () => {},
          onClose: () => {},
        }),
      [Symbol.dispose]() {
        if (isOpen) {
          release()
          for (const { block } of kept) block.release()
        }
        isOpen = false
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blocks.catch(() => {})
    for (const block of this.#open.values()) block.release()
    this.#open.clear()
  }

  async #exchange(before: Promise<unknown>, blocks: readonly LentBlock[]): Promise<readonly Kept[]> {
    // One after the other; what could not be opened before is tried again.
    await before.catch(() => {})
    const listed = new Set(blocks.map(({ dir }) => dir))
    for (const [dir, block] of this.#open) {
      if (listed.has(dir)) continue
      this.#open.delete(dir)
      block.release()
    }
    const kept: Kept[] = []
    for (const { dir, isLate, tombstones } of blocks) {
      const block = this.#open.get(dir) ?? (await Block.open(dir, this.#caches))
      this.#open.set(dir, block)
      block.tombstones = tombstones === undefined ? Tombstones.none : Tombstones.read(new ByteReader(tombstones))
      kept.push({ block, isLate })
    }
    return kept
  }
}
