import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatValue, fuzz, sameHistogram } from '#core'
import { encodeFamilies } from './encode-families.test-support.ts'
import type { ExpositionPage } from './exposition-page.ts'
import type { ExpositionFormat, PageOptions } from './page-parser.ts'
import { pageParser, parseExposition } from './parse-page.ts'

/** Samples as text, with the start time behind a tilde; a native histogram shows its bounds and counts. */
function read(text: string, options: Partial<PageOptions> = {}): string[] {
  return shown(parseExposition(text, { format: 'openmetrics', ...options }))
}

function shown(page: ExpositionPage): string[] {
  return Array.from({ length: page.count }, (_, i) => {
    const h = page.histograms.get(i)
    const startAt = page.startTimes.get(i)
    const value =
      h === undefined
        ? formatValue(page.values[i]!)
        : `[${h.customBounds}] ${h.positive.indices}:${h.positive.counts} ${h.count}/${h.sum}${h.isInteger ? '' : ' float'}`
    return `${page.labels(i)} ${value}${startAt === undefined ? '' : ` ~${startAt}`}`
  })
}

const COUNTERS = `# TYPE a counter
a_total{x="1"} 5
a_created{x="1"} 1.2345
a_total{x="2"} 6
a_total{x="3"} 7
a_created{x="3"} 2
# TYPE g gauge
g_created 9
# TYPE b counter
b_total 1
# HELP c x
b_created 8
# EOF
`

test('_created lines are series of their own, until somebody asks for start times', () => {
  assert.deepEqual(read(COUNTERS).slice(0, 2), ['a_total{x="1"} 5', 'a_created{x="1"} 1.2345'])
  assert.deepEqual(read(COUNTERS, { startTimes: true }), [
    'a_total{x="1"} 5 ~1234',
    // The next line of that kind is another's.
    'a_total{x="2"} 6',
    'a_total{x="3"} 7 ~2000',
    // A gauge has none: the name is its own.
    'g_created 9',
    // Nothing is looked for beyond the next family; the line itself is left out all the same.
    'b_total 1',
  ])
})

test('all series of a histogram or summary have one start, wherever its line stands', () => {
  const text = `# TYPE h histogram
h_bucket{le="1",z="y"} 1
h_bucket{z="y",le="+Inf"} 2
h_created{z="y"} 3
h_count{z="y"} 2
# TYPE s summary
s{quantile="0.5"} 1
s_sum 1
s_created 4
# EOF
`
  assert.deepEqual(read(text, { startTimes: true }), [
    'h_bucket{le="1.0", z="y"} 1 ~3000',
    'h_bucket{le="+Inf", z="y"} 2 ~3000',
    'h_count{z="y"} 2 ~3000',
    's{quantile="0.5"} 1 ~4000',
    's_sum 1 ~4000',
  ])
})

const HISTOGRAMS = `# TYPE h histogram
h_bucket{a="1",le="0.5"} 1
h_bucket{a="1",le="1"} 3
h_bucket{a="1",le="+Inf"} 4
h_count{a="1"} 4
h_sum{a="1"} 2.5
h_bucket{a="2",le="+Inf"} 0.5
other 1
# TYPE h2 histogram
h2_count 0
h2_sum 0
`

test('classic histograms become native ones with custom bounds, alone or beside the classic series', () => {
  const text = { format: 'text', convertClassic: true } as const
  assert.deepEqual(read(HISTOGRAMS, text), [
    'h{a="1"} [0.5,1] 0,1,2:1,2,1 4/2.5',
    'h{a="2"} [] 0:0.5 0.5/0 float',
    'other 1',
    'h2 [] : 0/0',
  ])
  const both = read(HISTOGRAMS, { ...text, keepClassic: true })
  assert.deepEqual(both.slice(4, 7), [
    'h_sum{a="1"} 2.5',
    'h{a="1"} [0.5,1] 0,1,2:1,2,1 4/2.5',
    'h_bucket{a="2", le="+Inf"} 0.5',
  ])
  assert.equal(both.length, 12)
})

test('a classic histogram that does not add up is left out', () => {
  const wrong = [
    'h_bucket{le="1"} 3\nh_bucket{le="2"} 2\n',
    'h_bucket{le="+Inf"} 3\nh_count 4\n',
    'h_count -1\n',
    'h_count NaN\n',
    'h_sum 1\n',
  ]
  for (const lines of wrong)
    assert.deepEqual(read(`# TYPE h histogram\n${lines}`, { format: 'text', convertClassic: true }), [], lines)
})

test('buckets may come in any order', () => {
  const buckets = [
    ['1', 3],
    ['0.5', 1],
    ['+Inf', 4],
    ['2', 3],
  ] as const
  fc.assert(
    fc.property(fc.shuffledSubarray([...buckets], { minLength: 4 }), (order) => {
      const lines = order.map(([le, count]) => `h_bucket{le="${le}"} ${count}\n`).join('')
      const page = parseExposition(`# TYPE h histogram\n${lines}`, { format: 'text', convertClassic: true })
      assert.deepEqual(shown(page), ['h [0.5,1,2] 0,1,2,3:1,2,0,1 4/0'])
    }),
  )
})

test('a histogram converted from text is the one converted from protobuf', () => {
  const bounds = fc
    .uniqueArray(fc.integer({ min: -50, max: 50 }), { maxLength: 6 })
    .map((all) => all.toSorted((a, b) => a - b))
  const steps = fc.array(fc.nat({ max: 3 }), { minLength: 7, maxLength: 7 })
  fc.assert(
    fc.property(bounds, steps, fc.integer(), (all, added, sum) => {
      let count = 0
      const buckets = all.map((bound, i) => ({ bound, count: (count += added[i]!) }))
      count += added[6]!
      const lines = buckets.map((one) => `h_bucket{le="${one.bound}"} ${one.count}\n`).join('')
      const text = parseExposition(`# TYPE h histogram\n${lines}h_count ${count}\nh_sum ${sum}\n`, {
        format: 'text',
        convertClassic: true,
      })
      const bytes = encodeFamilies([{ name: 'h', type: 'histogram', metrics: [{ count, sum, buckets }] }])
      const protobuf = parseExposition(bytes, { format: 'protobuf', convertClassic: true })
      const [a, b] = [text.histograms.get(0), protobuf.histograms.get(0)]
      // Without any bucket protobuf has nothing to convert.
      if (buckets.length > 0) assert.ok(a !== undefined && b !== undefined && sameHistogram(a, b))
    }),
  )
})

test('type and unit become labels where the page says them', () => {
  const text = `# TYPE a_seconds counter
# UNIT a_seconds seconds
a_seconds_total{__unit__="mine"} 1
# TYPE b unknown
b{__type__="mine"} 1
# EOF
`
  assert.deepEqual(read(text, { typeAndUnitLabels: true }), [
    'a_seconds_total{__type__="counter", __unit__="seconds"} 1',
    'b{__type__="mine"} 1',
  ])
})

test('a page read in steps is the page read at once', () => {
  for (const options of [{ format: 'text', convertClassic: true }, { format: 'text' }] as const) {
    const parser = pageParser(HISTOGRAMS, options)
    let steps = 0
    while (!parser.step(1)) steps++
    assert.ok(steps > 5)
    assert.deepEqual(shown(parser.page), shown(parseExposition(HISTOGRAMS, options)))
  }
})

test('numbers at the edge, and a label of a megabyte', () => {
  const long = 'x'.repeat(1 << 20)
  const page = parseExposition(`a NaN\nb -Inf\nc 5e-324\nd 1.7976931348623157e308\ne{l="${long}"} -0\n`, {
    format: 'text',
  })
  assert.deepEqual([...page.values.subarray(0, 4)], [Number.NaN, -Infinity, 5e-324, Number.MAX_VALUE])
  assert.ok(Object.is(page.values[4], -0))
  assert.equal(page.labels(4).get('l'), long)
})

test('nonsense in text is refused or read, whatever is asked for', () => {
  const pages: readonly (readonly [ExpositionFormat, Buffer])[] = [
    ['openmetrics', Buffer.from(COUNTERS)],
    ['text', Buffer.from(HISTOGRAMS)],
    ['openmetrics', Buffer.from(`${HISTOGRAMS}a_total 1 1.5 # {t="x"} 1 2\n{"my.metric","a.b"="c"} 1\n# EOF\n`)],
  ]
  fuzz(({ damage, pick }) => {
    const [format, page] = pick(pages)
    const flag = () => pick([true, false])
    const options = { startTimes: flag(), convertClassic: flag(), keepClassic: flag(), typeAndUnitLabels: flag() }
    try {
      const read = parseExposition(damage(page), { format, maxSamples: 1000, ...options })
      for (let i = 0; i < read.count; i++) assert.notEqual(read.labels(i).name, '')
    } catch (thrown) {
      assert.match(String((thrown as { code?: string }).code), /^ASSAY_SCRAPE_/)
    }
  }, 3000)
})
