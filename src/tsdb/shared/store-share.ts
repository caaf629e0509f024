/**
 * Lends the store to another thread, a view at a time: memory of the head, and names of blocks.
 *
 * - Only what the thread does not have is sent: it is told of each piece of memory once.
 * - While a view is lent the head keeps its samples and blocks keep their files.
 * - Late samples that are in no block yet, and deletions that the head remembers, are known in this thread alone: nothing is lent to who
 *   would read them.
 */
import type { Matcher } from '#core'
import type { Block } from '../block/block.ts'
import { ByteWriter } from '../codec/bytes.ts'
import type { Tombstones } from '../deletion/tombstones.ts'
import { type Head, type HeadKnown, type HeadView, nothingOfHead } from '../head.ts'
import type { LentBlock, LentView, StoreShare } from './store-view.ts'

export type ShareDeps = {
  readonly head: Head
  /** Of this moment, in order of time, late ones behind the others. */
  readonly blocks: () => readonly Block[]
  /** True when something that these matchers select is known in this thread alone. */
  readonly hasMore: (matchers: readonly Matcher[]) => boolean
  /** Gives back a view; told when readers are gone. */
  readonly close: (view: HeadView) => void
}

/** Selects whatever there is. */
const ALL: readonly (readonly Matcher[])[] = [[]]

/** What a thread was told of blocks. */
type Told = readonly { readonly block: Block; readonly tombstones: Tombstones }[]

export function shareStore(deps: ShareDeps): StoreShare {
  const known: HeadKnown = nothingOfHead()
  let told: Told = []
  let isFirst = true
  return {
    lend(sets = ALL): LentView | undefined {
      if (sets.some((matchers) => deps.hasMore(matchers))) return undefined
      const blocks = deps.blocks()
      const view = deps.head.openView(-Infinity, Infinity)
      for (const block of blocks) block.retain()
      const close = () => {
        deps.close(view)
        for (const block of blocks) block.release()
      }
      try {
        const head = deps.head.lend(view, known, sets)
        if (head === undefined) {
          close()
          return undefined
        }
        const isSame = !isFirst && isToldOf(blocks, told)
        if (!isSame) told = blocks.map((block) => ({ block, tombstones: block.tombstones }))
        isFirst = false
        let isOpen = true
        return {
          view: isSame ? { head } : { head, blocks: blocks.map(lentBlock) },
          [Symbol.dispose]() {
            if (isOpen) close()
            isOpen = false
          },
        }
      } catch (error) {
        close()
        throw error
      }
    },
  }
}

function isToldOf(blocks: readonly Block[], told: Told): boolean {
  return (
    blocks.length === told.length &&
    blocks.every((block, i) => told[i]!.block === block && told[i]!.tombstones === block.tombstones)
  )
}

function lentBlock({ dir, isLate, tombstones }: Block): LentBlock {
  if (tombstones.isEmpty) return { dir, isLate }
  const out = new ByteWriter(256)
  tombstones.write(out)
  return { dir, isLate, tombstones: new Uint8Array(out.view()) }
}
