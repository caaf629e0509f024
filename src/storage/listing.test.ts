import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byBytes, Labels, matcher, unixMs } from '#core'
import { listBody } from './listing.ts'
import { memoryStore } from './memory-store.ts'
import type { Querier } from './types.ts'

const SPAN = { start: 0, end: 10 }
const value = fc.constantFrom('a', 'b', 'é', '"')

test('a list of several selectors is the sorted union of their lists, cut at the limit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(value, value), { minLength: 1 }),
      fc.array(value, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 5 }),
      async (stored, asked, limit) => {
        await using store = memoryStore()
        using batch = store.appender()
        for (const [x, y] of stored)
          batch.append(undefined, Labels.of({ __name__: 'm', x, [`l${y}`]: y }), unixMs(1), 1)
        batch.commit()
        using querier = store.querier(unixMs(0), unixMs(10))
        const sets = asked.map((one) => [matcher('x', '=', one)])
        const matching = querier.series([]).filter((labels) => asked.some((one) => one === labels.get('x')))
        const told = async (what: Parameters<typeof listBody>[1]['what']) => {
          const body = await listBody(querier, { what, sets, limit, ...SPAN })
          return JSON.parse(Buffer.concat([...body.pieces()]).toString())
        }
        const check = ({ data, warnings }: { data: unknown; warnings?: unknown }, all: readonly unknown[]) => {
          assert.deepEqual(data, all.slice(0, limit))
          assert.equal(warnings !== undefined, all.length > limit)
        }
        const sorted = (texts: readonly string[]) => [...new Set(texts)].sort(byBytes)
        check(await told('series'), JSON.parse(JSON.stringify(matching)))
        check(await told('names'), sorted(matching.flatMap((labels) => [...labels].map(([name]) => name))))
        check(await told({ valuesOf: 'x' }), sorted(matching.map((labels) => labels.get('x'))))
      },
    ),
    { numRuns: 60 },
  )
})

test('a list that a store gives again is written again, in memory of its own', async () => {
  const list = ['a', 'é"']
  const sets = [Labels.of({ a: 'é"' }), Labels.empty]
  const querier: Querier = {
    select: () => [],
    labelNames: () => list,
    labelValues: () => [...list],
    series: () => sets,
    [Symbol.dispose]: () => {},
  }
  const told = async (what: Parameters<typeof listBody>[1]['what'], limit = 9) => {
    const { points, pieces, text } = await listBody(querier, { what, sets: [], limit, ...SPAN }, { handsOn: true })
    const bytes = Buffer.concat([...pieces()])
    assert.equal(Buffer.from(text?.() ?? bytes.toString('latin1'), 'latin1').toString(), bytes.toString())
    // As one who hands it on would.
    for (const { buffer } of pieces()) buffer.transfer()
    return [points, bytes.toString()]
  }
  const fresh = await told({ valuesOf: 'x' })
  const series = await told('series')
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await told('names'), fresh)
    assert.deepEqual(await told('series'), series)
  }
  assert.deepEqual(await told('names', 1), [
    1,
    '{"status":"success","data":["a"],"warnings":["results truncated due to limit"]}',
  ])
})
