/**
 * The first k of a group as Go's `container/heap` and `sort` leave them: which of equal values stays, and in which order they
 * come, is decided by how the heap is built, and so it is built the same way.
 *
 * - `less` says that a place stands nearer to the top, where the one stands that is given up first.
 * - Sorting is by insertion up to 12 and by merging beyond, where Go's order of equals is nobody's to rely on.
 */
export type Less = (i: number, j: number) => boolean

/** Adds `item` at the end and lets it rise. */
export function push(heap: number[], item: number, less: Less): void {
  heap.push(item)
  let at = heap.length - 1
  for (;;) {
    const parent = (at - 1) >> 1
    if (at === 0 || !less(heap[at]!, heap[parent]!)) return
    swap(heap, at, parent)
    at = parent
  }
}

/** Puts `item` in the place of the top and lets it sink. */
export function replaceTop(heap: number[], item: number, less: Less): void {
  heap[0] = item
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    if (left >= heap.length) return
    const right = left + 1
    const child = right < heap.length && less(heap[right]!, heap[left]!) ? right : left
    if (!less(heap[child]!, heap[at]!)) return
    swap(heap, at, child)
    at = child
  }
}

/** Sorted so that what is nearer to the top comes last. */
export function sortDown(heap: number[], less: Less): void {
  if (heap.length > 12) {
    heap.sort((i, j) => (less(j, i) ? (less(i, j) ? 0 : -1) : less(i, j) ? 1 : 0))
    return
  }
  for (let i = 1; i < heap.length; i++) for (let j = i; j > 0 && less(heap[j - 1]!, heap[j]!); j--) swap(heap, j, j - 1)
}

function swap(heap: number[], i: number, j: number): void {
  const item = heap[i]!
  heap[i] = heap[j]!
  heap[j] = item
}
