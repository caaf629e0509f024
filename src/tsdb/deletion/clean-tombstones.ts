/**
 * Writes blocks that have tombstones anew, without the samples under them.
 *
 * Each takes the old one's place when it is whole on disk; the old one's files go with its last reader. A block of which nothing is
 * left goes at once. Runs while no other upkeep does.
 */
import type { Block } from '../block/block.ts'
import { type BlockStore, isCorrupt } from '../block/block-store.ts'
import { writeBlock } from '../block/block-writer.ts'
import { columnsWithout } from './without-deleted.ts'

/** Blocks shorter than this many of the head's are merged before long, and lose what was deleted with that. */
const LONG = 9
/** Of a block's series: fewer are not worth to be written anew for. As in Prometheus' compaction. */
const WORTH = 0.05

/** Whether a block is to be written anew without being asked: a long one of which much was deleted. */
export function isWorthCleaning({ meta, tombstones }: Block, blockMs: number): boolean {
  return meta.end - meta.start >= LONG * blockMs && tombstones.size > WORTH * meta.series
}

/** How many were written anew or went. Rejects with what the disk said, or the signal's reason; what was done holds. */
export async function cleanTombstones(
  blocks: BlockStore,
  isDue: (block: Block) => boolean,
  signal: AbortSignal,
): Promise<number> {
  const due = blocks.all.filter((block) => !block.tombstones.isEmpty && isDue(block))
  for (const block of due) await cleanBlock(blocks, block, signal)
  return due.length
}

async function cleanBlock(blocks: BlockStore, block: Block, signal: AbortSignal): Promise<void> {
  const { start, end, merged, late } = block.meta
  const generation = block.isLate ? blocks.nextLateGeneration() : block.generation + 1
  const span = { start, end, merged, late, generation }
  block.retain()
  try {
    const write = (dir: string) => writeBlock(dir, span, columnsWithout(block.all(), block.tombstones), signal)
    if ((await blocks.write(span, write, { replaced: [block] })) === undefined) blocks.drop(block)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    // Nothing of it is served any more, so nothing that was deleted is.
    blocks.putAside(error.dir, error.message)
  } finally {
    block.release()
  }
}
