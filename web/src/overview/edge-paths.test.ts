import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Box, edgePaths } from './edge-paths.ts'

const box = (left: number, top: number, height = 100): Box => ({ left, top, width: 200, height })
const BOXES = new Map([
  ['shop', box(0, 0)],
  ['crm', box(0, 120)],
  ['shopDb', box(400, 0)],
  ['broker', box(400, 120)],
])

/** Start and end of a path, read back from its text. */
function endsOf(d: string): readonly [number, number, number, number] {
  const start = /^M([\d.-]+) ([\d.-]+)/.exec(d)
  const last = /(?:([\d.-]+) )?([\d.-]+)H([\d.-]+)$/.exec(d)
  return [Number(start?.[1]), Number(start?.[2]), Number(last?.[3]), Number(last?.[2])]
}

test('an edge runs from the right side of one card to the left side of the other', () => {
  const [path] = edgePaths([{ key: 'a', from: 'shop', to: 'shopDb' }], BOXES)
  assert.deepEqual(endsOf(path!.d), [200, 50, 400, 50])
})

test('edges that end at one card end at different heights, ordered like their sources', () => {
  const [a, b] = edgePaths(
    [
      { key: 'a', from: 'crm', to: 'broker' },
      { key: 'b', from: 'shop', to: 'broker' },
    ],
    BOXES,
  )
  assert.ok(endsOf(b!.d)[3] < endsOf(a!.d)[3], 'shop stands above crm, and so does its line')
  assert.ok(Math.abs(a!.label[1] - b!.label[1]) >= 14, 'labels do not overlap')
})

test('an edge within a column bows out on the left', () => {
  const [path] = edgePaths([{ key: 'a', from: 'shop', to: 'crm' }], BOXES)
  assert.match(path!.d, /^M0 /)
  assert.ok(path!.label[0] < 0)
})

test('an edge to a part that is not shown has no path', () => {
  assert.deepEqual(edgePaths([{ key: 'a', from: 'shop', to: 'nowhere' }], BOXES), [])
})

test('every end stays on the side of its card', () => {
  const ids = ['shop', 'crm', 'shopDb', 'broker']
  const edge = fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids))
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 14 }), (pairs) => {
      const edges = pairs.map(([from, to], i) => ({ key: `${i}`, from, to }))
      for (const path of edgePaths(edges, BOXES)) {
        const { from, to } = edges[Number(path.key)]!
        const forward = BOXES.get(from)!.left <= BOXES.get(to)!.left
        const [start, end] = forward ? [from, to] : [to, from]
        const [, y1, , y2] = endsOf(path.d)
        for (const [id, y] of [
          [start, y1],
          [end, y2],
        ] as const) {
          const { top, height } = BOXES.get(id)!
          assert.ok(y >= top && y <= top + height, `${y} is not on ${id}`)
        }
      }
    }),
  )
})
