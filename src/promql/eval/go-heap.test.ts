import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { push, replaceTop, sortDown } from './go-heap.ts'

/** The k largest, as topk takes them. */
function largest(values: readonly number[], k: number): readonly number[] {
  const less = (i: number, j: number) => values[i]! < values[j]!
  const heap: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (heap.length < k) push(heap, i, less)
    else if (values[heap[0]!]! < values[i]!) replaceTop(heap, i, less)
  }
  sortDown(heap, less)
  return heap
}

test('the heap keeps the values that sorting would put first, in that order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 1, max: 20 }), (values, k) => {
      const sorted = [...values].sort((a, b) => b - a).slice(0, k)
      assert.deepEqual(
        largest(values, k).map((i) => values[i]),
        sorted,
      )
    }),
  )
})

test('of equal values the one on top is given up, as in Go', () => {
  assert.deepEqual(largest([1, 1, 2], 2), [2, 1])
})
