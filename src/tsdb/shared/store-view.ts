/** A consistent view of the whole store, in a form that can be sent to another thread of this process. */
import type { Matcher } from '#core'
import type { HeadPieces } from '../head.ts'

/** A block that the view reads. The lender keeps its files there until the view is closed. */
export type LentBlock = {
  readonly dir: string
  readonly isLate: boolean
  /** What was deleted of it, encoded; absent: nothing. */
  readonly tombstones?: Uint8Array
}

export type StoreView = {
  readonly head: HeadPieces
  /** In order of time, late ones behind the others. Absent: those of the view before. */
  readonly blocks?: readonly LentBlock[]
}

/** A view that is lent: whoever borrows it says when it is done with it, and then it is disposed. */
export type LentView = Disposable & { readonly view: StoreView }

/** Lends views to one other thread, in the order in which that thread gets them. */
export type StoreShare = {
  /**
   * A view of this moment, for reading what `sets` select; `undefined` when there is something of it that another thread cannot see: ask
   * the store itself then. Left out: it is not known what will be read.
   */
  readonly lend: (sets?: readonly (readonly Matcher[])[]) => LentView | undefined
}
