import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { observe, Store, set } from '../store/index.ts'
import { parsePage } from '../test-support/parse-page.ts'
import { formatNumber } from './bytes-out.ts'
import type { FamilyPage } from './family-page.ts'
import { joinPages, renderStore as render } from './page.ts'

const assemble = (pages: readonly (readonly FamilyPage[])[], format: 'text' | 'openmetrics'): string =>
  Buffer.from(joinPages(pages, format)).toString()
const value = fc.double({ noDefaultInfinity: false, noNaN: true })
const label = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed())

test('what is written reads back: values by their bits, labels by their letters', () => {
  for (const format of ['text', 'openmetrics'] as const) {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(label, value), { selector: ([text]) => text, maxLength: 20, minLength: 1 }),
        (given) => {
          const store = new Store()
          const family = store.family({ name: 'a_total', help: 'one\n"two" \\', kind: 'counter' })
          for (const [text, number] of given) set(family.series([['l', text]]), number)
          const parsed = parsePage(assemble([render(store, format)], format), format)
          const samples = parsed.get(format === 'text' ? 'a_total' : 'a')?.samples ?? []
          assert.deepEqual(
            samples.map(({ labels }) => labels['l']),
            given.map(([text]) => text),
          )
          assert.deepEqual(
            new Float64Array(samples.map((sample) => sample.value)),
            new Float64Array(given.map(([, number]) => number)),
          )
        },
      ),
    )
  }
})

test('a histogram is cumulative, ends at +Inf and tells its sum', () => {
  const store = new Store()
  const bounds = [0.5, 1]
  const slot = store.family({ name: 'h', help: '', kind: 'histogram', bounds }).series([['r', '/']])
  for (const seconds of [0.25, 0.5, 0.75, 8]) observe(slot, seconds)
  const text = assemble([render(store, 'text', 'worker="3"')], 'text')
  assert.equal(
    text,
    [
      '# HELP h ',
      '# TYPE h histogram',
      'h_bucket{r="/",worker="3",le="0.5"} 2',
      'h_bucket{r="/",worker="3",le="1.0"} 3',
      'h_bucket{r="/",worker="3",le="+Inf"} 4',
      'h_sum{r="/",worker="3"} 9.5',
      'h_count{r="/",worker="3"} 4',
      '',
    ].join('\n'),
  )
  assert.match(assemble([render(store, 'openmetrics')], 'openmetrics'), /le="1\.0"/)
})

test('pages of several workers are joined family by family; a family of another kind is left out', () => {
  const page = (worker: string, kind: 'counter' | 'gauge') => {
    const store = new Store()
    set(store.family({ name: 'a_total', help: 'a', kind }).series(), 1)
    set(store.family({ name: 'b', help: 'b', kind: 'gauge' }).series(), 2)
    return render(store, 'text', `worker="${worker}"`)
  }
  const parsed = parsePage(assemble([page('1', 'counter'), page('2', 'counter'), page('3', 'gauge')], 'text'), 'text')
  assert.deepEqual(
    parsed.get('a_total')?.samples.map(({ labels }) => labels['worker']),
    ['1', '2'],
  )
  assert.equal(parsed.get('b')?.samples.length, 3)
})

test('a counter without _total is told as unknown to OpenMetrics', () => {
  const store = new Store()
  set(store.family({ name: 'odd', help: '', kind: 'counter' }).series(), 1)
  assert.equal(
    parsePage(assemble([render(store, 'openmetrics')], 'openmetrics'), 'openmetrics').get('odd')?.type,
    'unknown',
  )
})

test('special numbers have their names', () => {
  assert.deepEqual(
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -0, 1e21].map((one) => formatNumber(one)),
    ['+Inf', '-Inf', 'NaN', '-0', '1e+21'],
  )
})
