/**
 * Deletes samples: whatever of the matching series lies in the span at one moment, in the head, among late samples and in blocks.
 *
 * - At that moment the log is cut and late samples are split off; what comes later is new and stays, whatever its instant.
 * - Late samples go into a block first, so that they need no tombstones of their own.
 * - First the log's deletion is durable, then each block's. When a write fails in between, what was written holds, and doing it again
 *   does the rest.
 *
 * Runs while no other upkeep does.
 */
import type { Block } from '../block/block.ts'
import { type BlockStore, isCorrupt } from '../block/block-store.ts'
import type { Part } from '../columns/part.ts'
import type { Head } from '../head.ts'
import { writeBlockTombstones } from './block-tombstones.ts'
import type { Deletions, Selection } from './deletions.ts'
import type { Grave } from './tombstones.ts'
import { partsWithout } from './without-deleted.ts'

export type DeleteDeps = {
  readonly head: Head
  readonly blocks: BlockStore
  readonly deletions: Deletions
  /** Splits off the late samples in memory and ends the segment of the log; returns its number. */
  readonly freezeLate: () => number
  /** Writes what was split off, or could not be written before, into a block. */
  readonly writeLate: () => Promise<void>
  readonly pause: () => Promise<void>
}

export type DeleteReport = {
  /** Series that lost something, counted in each place where they did. */
  readonly series: number
  readonly blocks: number
}

/** Parts looked at between two turns of the loop. */
const STRIDE = 500

/** Rejects with what the disk said. */
export async function deleteSeries(deps: DeleteDeps, selection: Selection): Promise<DeleteReport> {
  const { head, blocks, deletions, pause } = deps
  blocks.giveUpAll()
  await deps.writeLate()
  // The moment: no turn of the loop lies between these.
  const through = deps.freezeLate()
  const view = head.openView(selection.start, selection.end)
  let inHead: readonly Grave[]
  try {
    const find = (matchers: Selection['sets'][number]) =>
      head.reader.select(view, matchers, selection.start, selection.end)
    inHead = await graves(selection, (matchers) => partsWithout(find(matchers), deletions.head), pause)
  } finally {
    head.closeView(view)
  }
  await deps.writeLate()
  const due: { readonly block: Block; readonly found: readonly Grave[] }[] = []
  const all = [...blocks.all]
  for (const block of all) block.retain()
  try {
    for (const block of all) {
      const found = await gravesOf(blocks, block, selection, pause)
      if (found.length > 0) due.push({ block, found })
    }
    if (inHead.length + due.length > 0) await deletions.add({ ...selection, through }, deletions.head.with(inHead))
    for (const { block, found } of due) {
      const tombstones = block.tombstones.with(found)
      await writeBlockTombstones(block.dir, tombstones, () => {
        block.tombstones = tombstones
      })
    }
  } finally {
    for (const block of all) block.release()
  }
  return { series: due.reduce((sum, { found }) => sum + found.length, inHead.length), blocks: due.length }
}

/** A damaged block is set aside, and has nothing to delete. */
async function gravesOf(
  blocks: BlockStore,
  block: Block,
  selection: Selection,
  pause: () => Promise<void>,
): Promise<readonly Grave[]> {
  const { start, end } = selection
  try {
    return await graves(
      selection,
      (matchers) => partsWithout(block.select(matchers, start, end), block.tombstones),
      pause,
    )
  } catch (error) {
    if (!isCorrupt(error)) throw error
    blocks.putAside(error.dir, error.message)
    return []
  }
}

/** From the first to the last sample of each matching series. */
async function graves(
  { sets }: Selection,
  select: (matchers: Selection['sets'][number]) => readonly Part[],
  pause: () => Promise<void>,
): Promise<readonly Grave[]> {
  const found: Grave[] = []
  let timestamps = new Float64Array(1024)
  let values = new Float64Array(1024)
  for (const matchers of sets) {
    for (const part of select(matchers)) {
      if (timestamps.length < part.maxCount) {
        timestamps = new Float64Array(part.maxCount * 2)
        values = new Float64Array(part.maxCount * 2)
      }
      const count = part.read({ timestamps, values }, 0)
      if (count > 0) found.push({ labels: part.labels, from: timestamps[0]!, to: timestamps[count - 1]! })
      if (found.length % STRIDE === 0) await pause()
    }
  }
  return found
}
