/**
 * Writes blocks that have tombstones anew, without the samples under them.
 *
 * Each takes the old one's place when it is whole on disk; the old one's files go with its last reader. A block of which nothing is
 * left goes at once. Runs while no other upkeep does.
 */
import type { Block } from '../block.ts'
import { blockName } from '../block-meta.ts'
import { type BlockStore, isCorrupt } from '../block-store.ts'
import { writeBlock } from '../block-writer.ts'
import { columnsWithout } from './without-deleted.ts'

/** How many were written anew or went. Rejects with what the disk said, or the signal's reason; what was done holds. */
export async function cleanTombstones(blocks: BlockStore, signal: AbortSignal): Promise<number> {
  const due = blocks.all.filter(({ tombstones }) => !tombstones.isEmpty)
  for (const block of due) await cleanBlock(blocks, block, signal)
  return due.length
}

async function cleanBlock(blocks: BlockStore, block: Block, signal: AbortSignal): Promise<void> {
  const { start, end, merged, late } = block.meta
  const generation = block.isLate ? blocks.nextLateGeneration() : block.generation + 1
  const span = { start, end, merged, late, generation }
  block.retain()
  try {
    const meta = await writeBlock(blocks.dir, span, columnsWithout(block.all(), block.tombstones), signal)
    if (meta === undefined) blocks.drop(block)
    else await blocks.add(blockName(span), { replaced: [block] })
  } catch (error) {
    if (!isCorrupt(error)) throw error
    // Nothing of it is served any more, so nothing that was deleted is.
    blocks.putAside(error.dir, error.message)
  } finally {
    block.release()
  }
}
