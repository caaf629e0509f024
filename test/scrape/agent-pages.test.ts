/** The law between the two packages: what the agent writes, the scraper reads, to the bit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ExpositionFormat, parseExposition } from '#scrape'
import { assemble, render } from '../../agent/src/exposition/exposition.ts'
import { observe, Store, set } from '../../agent/src/store/index.ts'

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }).filter((one) => one.isWellFormed())
const value = fc.double({ noNaN: true })

function shown(store: Store, format: ExpositionFormat & ('text' | 'openmetrics')): string[] {
  const page = parseExposition(assemble([render(store, format)], format), { format })
  return Array.from({ length: page.count }, (_, i) => `${JSON.stringify(page.labels(i))} ${page.values[i]}`)
}

test('a page of the agent reads back the same in text and in OpenMetrics', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(text, value), { selector: ([label]) => label, minLength: 1, maxLength: 10 }),
      fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { maxLength: 10 }),
      (counters, seconds) => {
        const store = new Store()
        const family = store.family({ name: 'a_total', help: 'one\n"two" \\', kind: 'counter' })
        for (const [label, number] of counters) set(family.series([['l', label]]), number)
        const bounds = [0.5, 1, 2500]
        const slot = store.family({ name: 'h_seconds', help: '', kind: 'histogram', bounds }).series([['r', '/']])
        for (const one of seconds) observe(slot, one)
        const read = shown(store, 'text')
        assert.deepEqual(
          read.slice(0, counters.length),
          counters.map(([label, number]) => `${JSON.stringify({ __name__: 'a_total', l: label })} ${number}`),
        )
        assert.deepEqual(shown(store, 'openmetrics'), read)
      },
    ),
  )
})
