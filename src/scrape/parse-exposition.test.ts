import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatSeries, formatValue, Labels } from '#core'
import type { ExpositionFormat } from './page-parser.ts'
import { parseExposition } from './parse-page.ts'

/** Samples as text: series, value, instant. */
function read(text: string, format: ExpositionFormat = 'text'): string[] {
  const page = parseExposition(text, { format })
  return Array.from({ length: page.count }, (_, i) => {
    const at = page.timestamps[i]!
    return `${page.labels(i)} ${formatValue(page.values[i]!)}${Number.isNaN(at) ? '' : ` @${at}`}`
  })
}

const GOOD: readonly {
  readonly text: string
  readonly reads: readonly string[]
  readonly format?: ExpositionFormat
  readonly why: string
}[] = [
  { text: '', reads: [], why: 'an empty page is a page' },
  { text: 'up 1', reads: ['up 1'], why: 'the last line needs no line break' },
  { text: '\n\n  \t\nup 1\n', reads: ['up 1'], why: 'blank lines count nothing' },
  { text: 'a{b="c"}1\n', reads: ['a{b="c"} 1'], why: 'text needs no blank after the brace' },
  { text: ' a { b = "c" , d="e" , }\t1  2 \n', reads: ['a{b="c", d="e"} 1 @2'], why: 'blanks may part everything' },
  { text: 'a{} 1\n', reads: ['a 1'], why: 'empty braces are no labels' },
  { text: 'a{b=""} 1\n', reads: ['a 1'], why: 'an empty label is no label' },
  {
    text: 'a{b="x\\\\y\\"z\\n\\t"} 1\n',
    reads: ['a{b="x\\\\y\\"z\\n\\\\t"} 1'],
    why: 'three escapes, other backslashes stay',
  },
  { text: 'a{b="x\ny"} 1\n', reads: ['a{b="x\\ny"} 1'], why: 'text takes a line break inside a value' },
  { text: 'a{z="1",b="2"} 1\n', reads: ['a{b="2", z="1"} 1'], why: 'labels come out sorted' },
  { text: '{"my.metric","a.b"="c"} 1\n', reads: ['{"my.metric", "a.b"="c"} 1'], why: 'quoted names' },
  { text: 'a{b="}"} 1\n', reads: ['a{b="}"} 1'], why: 'a brace inside quotes closes nothing' },
  { text: 'a:b_1 1\n', reads: ['a:b_1 1'], why: 'colons are part of names' },
  { text: '# just a comment\n#HELP no\n# HELPER x\nup 1\n', reads: ['up 1'], why: 'comments are skipped' },
  {
    text: 'a NaN\nb +Inf\nc -inf\nd 1e3\ne 0x\n'.replace('e 0x\n', ''),
    reads: ['a NaN', 'b +Inf', 'c -Inf', 'd 1000'],
    why: 'all numbers',
  },
  { text: 'ä 1\n'.replace('ä', '{"ä"}'), reads: ['{"ä"} 1'], why: 'names in UTF-8' },
  {
    format: 'openmetrics',
    text: '# TYPE a counter\na_total 1 1.5\n# EOF\n',
    reads: ['a_total 1 @1500'],
    why: 'seconds',
  },
  { format: 'openmetrics', text: 'a 1\n# EOF', reads: ['a 1'], why: 'EOF needs no line break' },
  {
    format: 'openmetrics',
    text: 'a_bucket{le="1"} 2 # {trace_id="x}"} 0.5\n# EOF\n',
    reads: ['a_bucket{le="1"} 2'],
    why: 'an exemplar stands beside its sample',
  },
  {
    format: 'openmetrics',
    text: 'a 1 1.0019\nb 1 -1.5\nc 1 1e3\n# EOF\n',
    reads: ['a 1 @1001', 'b 1 @-1500', 'c 1 @1000000'],
    why: 'instants are seconds, cut to milliseconds',
  },
  {
    text: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1e6"} 2\nh_bucket{le="x"} 3\n# TYPE s summary\ns{quantile=".5",le="1"} 4\n',
    reads: ['h_bucket{le="1.0"} 1', 'h_bucket{le="1e+06"} 2', 'h_bucket{le="x"} 3', 's{le="1", quantile="0.5"} 4'],
    why: 'bounds and quantiles are spelled as OpenMetrics spells them',
  },
  {
    format: 'openmetrics',
    text: '# TYPE h gaugehistogram\nh_bucket{le="1"} 1\n# TYPE i info\ni_info{a="b"} 1\n# TYPE s stateset\ns{s="on"} 1\n# EOF\n',
    reads: ['h_bucket{le="1"} 1', 'i_info{a="b"} 1', 's{s="on"} 1'],
    why: 'all types of OpenMetrics; only histograms have their bounds spelled anew',
  },
  {
    text: '# TYPE h histogram\nh_bucket{le="1"} 1\n# HELP other x\nother{le="2"} 1\n',
    reads: ['h_bucket{le="1.0"} 1', 'other{le="2.0"} 1'],
    why: 'a type holds until the next one, as in Prometheus',
  },
  {
    text: 'a 1 9000000000000000000\n',
    reads: ['a 1 @9000000000000000000'],
    why: 'an instant that no clock will see is one',
  },
  {
    format: 'openmetrics',
    text: 'a_total 2 3 # {} 0.5 1.25\n# EOF\n',
    reads: ['a_total 2 @3000'],
    why: 'an exemplar with an instant',
  },
]

test('pages are read as Prometheus reads them', () => {
  for (const { text, reads, format, why } of GOOD) assert.deepEqual(read(text, format), reads, why)
})

test('exemplars are read, with their instants cut to milliseconds', () => {
  const page = parseExposition('a_total 1 # {trace_id="x",b="c\\n"} 0.5 1.2345\nb_total 2 3 # {} NaN\nc 1\n# EOF\n', {
    format: 'openmetrics',
  })
  const shown = [...page.exemplars].map(([i, found]) => [
    i,
    ...found.map(({ labels, value, at }) => `${labels} ${value} ${at}`),
  ])
  assert.deepEqual(shown, [
    [0, '{b="c\\n", trace_id="x"} 0.5 1234'],
    [1, '{} NaN undefined'],
  ])
})

const BAD: readonly { readonly text: string; readonly says: RegExp; readonly format?: ExpositionFormat }[] = [
  { text: 'up 1\n1up 1\n', says: /^2:1: a metric name was expected, in "1up 1"$/ },
  { text: 'a 1 # {a="b"} 1\n# EOF\n', says: /a timestamp in whole milliseconds/ },
  { format: 'openmetrics', text: 'a 1 # {"name"} 1\n# EOF\n', says: /= was expected after the label name/ },
  { format: 'openmetrics', text: 'a 1 # {a="b",a="c"} 1\n# EOF\n', says: /the label a comes twice/ },
  { format: 'openmetrics', text: 'a 1 # {a="b"} 1 NaN\n# EOF\n', says: /timestamp of the exemplar is not finite/ },
  { text: 'a 1 9223372036854775808\n', says: /the timestamp is out of range/ },
  { text: '<html>\n', says: /^1:1: a metric name was expected/ },
  { text: 'a{b="c" 1\n', says: /^1:1: the labels are not closed; write }/ },
  { text: 'a{b="c} 1\n', says: /a quote is not closed/ },
  { text: 'a{b=c} 1\n', says: /the value of b was expected; write b="..."/ },
  { text: 'a{b} 1\n', says: /= was expected after the label b/ },
  { text: 'a{b="c"d="e"} 1\n', says: /a comma or } was expected/ },
  { text: 'a{,} 1\n', says: /a label name was expected/ },
  { text: 'a{1b="c"} 1\n', says: /a label name was expected/ },
  { text: 'a{b="1",b="2"} 1\n', says: /the label b comes twice/ },
  { text: 'a{"b"} 1\n', says: /the metric has two names/ },
  { text: '{b="c"} 1\n', says: /the metric has no name/ },
  { text: 'a\n', says: /a number was expected/ },
  { text: 'a one\n', says: /a number was expected/ },
  { text: 'a 1_000\n', says: /a number was expected/ },
  { text: 'a 0x10\n', says: /a number was expected/ },
  { text: 'a 1e999\n', says: /a number was expected/ },
  { text: 'a 1\r\n', says: /the line ends with CR; write LF alone/ },
  { text: 'a 1 1.5\n', says: /the end of the line was expected after the timestamp/ },
  { text: 'a 1 -5\n', says: /a timestamp in whole milliseconds was expected/ },
  { text: 'a 1 2 3\n', says: /the end of the line was expected/ },
  { text: '# TYPE a thing\n', says: /"thing" is no metric type; write counter, gauge/ },
  { text: '# TYPE 1 counter\n', says: /a metric name was expected after TYPE/ },
  { format: 'openmetrics', text: 'a 1\n', says: /does not end with # EOF/ },
  { format: 'openmetrics', text: 'a 1\n# EOF\nb 1\n', says: /^3:1: there is more after # EOF/ },
  { format: 'openmetrics', text: '\na 1\n# EOF\n', says: /a metric name was expected/ },
  { format: 'openmetrics', text: 'a  1\n# EOF\n', says: /a number was expected/ },
  { format: 'openmetrics', text: 'a{b="c"}1\n# EOF\n', says: /one space was expected before the value/ },
  { format: 'openmetrics', text: 'a{b="c\nd"} 1\n# EOF\n', says: /a quote is not closed/ },
  { format: 'openmetrics', text: 'a{ b="c"} 1\n# EOF\n', says: /a label name was expected/ },
  { format: 'openmetrics', text: '# hello\n# EOF\n', says: /OpenMetrics takes # HELP, # TYPE, # UNIT and # EOF alone/ },
  { format: 'openmetrics', text: '# UNIT a seconds\n# EOF\n', says: /must end with its unit, _seconds/ },
  { format: 'openmetrics', text: 'a 1 # {b="c"}\n# EOF\n', says: /the exemplar/ },
  { format: 'openmetrics', text: 'a 1 # {b="c"} x\n# EOF\n', says: /the exemplar needs a value/ },
]

test('a wrong line is named with its number, what is wrong and what to write', () => {
  for (const { text, says, format } of BAD) {
    assert.throws(
      () => read(text, format),
      (error: Error & { code?: string }) => {
        assert.match(error.message, says, text)
        assert.equal(error.code, 'ASSAY_SCRAPE_PARSE')
        return true
      },
      text,
    )
  }
})

test('a series of very many labels is put in order whatever theirs is, and bounded', () => {
  const written = (names: readonly number[]) => `a{${names.map((i) => `l${i}="${i}"`).join()}} 1\n`
  const names = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 3000)
  const { flat } = parseExposition(written(names), { format: 'text' }).labels(0)
  assert.deepEqual(
    flat,
    Labels.of({ __name__: 'a', ...Object.fromEntries(names.map((i) => [`l${i}`, String(i)])) }).flat,
  )
  const twice = parseExposition(written([...names, 5]), { format: 'text' })
  assert.throws(() => twice.labels(0), /: 1:3: the label l5 comes twice/)
  const many = parseExposition(written(Array.from({ length: 50_000 }, (_, i) => i)), { format: 'text' })
  assert.throws(() => many.labels(0), /: 1:\d+: a series has more than 50000 labels; let the target send fewer/)
})

test('the place of what is wrong is shown with what stands around it', () => {
  const line = `good 1\na{b="${'x'.repeat(200)}"} 1 2z ${'y'.repeat(200)}\n`
  assert.throws(
    () => parseExposition(line, { format: 'text' }),
    (thrown: Error) => {
      assert.match(
        thrown.message,
        /^2:212: the end of the line was expected after the timestamp, in "…x+\\"} 1 2z y+…"$/,
      )
      return true
    },
  )
  assert.ok(parseExposition('a 1 9223372036854775807\n', { format: 'text' }).timestamps[0]! >= 2 ** 63)
})

test('bytes that are no UTF-8 are refused where they count', () => {
  const label = Buffer.concat([Buffer.from('a{b="'), Buffer.from([0xff]), Buffer.from('"} 1\n')])
  assert.throws(() => parseExposition(label, { format: 'text' }).labels(0), /: 1:6: the text is not valid UTF-8/)
  const beginning = '# HELP a '
  const help = Buffer.concat([Buffer.from(beginning), Buffer.from([0xc3]), Buffer.from('\n')])
  assert.throws(() => parseExposition(help, { format: 'text' }), /not valid UTF-8/)
})

test('help, type and unit of families are kept, with their escapes', () => {
  const text = parseExposition('# HELP a One\\n\\\\two \\"x\\"\n# TYPE a histogram\n# TYPE b untyped\n# HELP c\n', {
    format: 'text',
  })
  assert.deepEqual(Object.fromEntries(text.metadata), {
    a: { type: 'histogram', help: 'One\n\\two \\"x\\"', unit: '' },
    b: { type: 'unknown', help: '', unit: '' },
    c: { type: 'unknown', help: '', unit: '' },
  })
  const open = parseExposition(
    '# TYPE a_seconds stateset\n# UNIT a_seconds seconds\n# HELP a_seconds x\\"y\n# HELP "q.r" z\n# EOF\n',
    {
      format: 'openmetrics',
    },
  )
  assert.deepEqual(Object.fromEntries(open.metadata), {
    a_seconds: { type: 'stateset', help: 'x"y', unit: 'seconds' },
    'q.r': { type: 'unknown', help: 'z', unit: '' },
  })
})

test('a page beyond the limit of samples is refused at the first one too many', () => {
  assert.equal(parseExposition('a 1\nb 2\n', { format: 'text', maxSamples: 2 }).count, 2)
  assert.throws(() => parseExposition('a 1\nb 2\nc{', { format: 'text', maxSamples: 2 }), {
    code: 'ASSAY_SCRAPE_TOO_MANY_SAMPLES',
  })
})

const name = fc.oneof(
  fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
)
const label = fc.oneof(
  fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
)
const sample = fc.record({
  name: name.filter((text) => text.isWellFormed()),
  labels: fc.dictionary(
    label.filter((text) => text !== '__name__' && text.isWellFormed()),
    fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
    { maxKeys: 4, noNullPrototype: true },
  ),
  value: fc.double(),
  at: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
})

test('what is written is read back the same, in both formats', () => {
  fc.assert(
    fc.property(
      fc.array(sample, { maxLength: 20 }),
      fc.constantFrom<ExpositionFormat>('text', 'openmetrics'),
      (samples, format) => {
        const seconds = format === 'openmetrics' ? 1000 : 1
        const lines = samples.map(
          ({ name: metric, labels, value, at }) =>
            `${formatSeries(metric, labels)} ${formatValue(value)}${at === undefined ? '' : ` ${at / seconds}`}\n`,
        )
        const page = parseExposition(lines.join('') + (format === 'openmetrics' ? '# EOF\n' : ''), { format })
        assert.equal(page.count, samples.length)
        for (const [i, given] of samples.entries()) {
          assert.deepEqual(page.labels(i).toJSON(), Labels.of({ ...given.labels, __name__: given.name }).toJSON())
          assert.ok(Object.is(page.values[i], given.value), `${page.values[i]} is ${given.value}`)
          // Seconds with a fraction are cut to milliseconds, as Prometheus cuts them: 1.001 * 1000 is not quite 1001.
          const at = given.at === undefined ? Number.NaN : Math.trunc((given.at / seconds) * seconds)
          assert.ok(Object.is(page.timestamps[i], at))
        }
      },
    ),
  )
})

test('nonsense never does anything but throw its error', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom<ExpositionFormat>('text', 'openmetrics'),
      (bytes, format) => {
        try {
          const page = parseExposition(bytes, { format })
          for (let i = 0; i < page.count; i++) page.labels(i)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ASSAY_SCRAPE_PARSE')
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('a page cut off anywhere never yields a sample that was not written', () => {
  const text = '# TYPE a counter\na_total{b="c",d="e"} 12345 67\n# EOF\n'
  for (let end = 0; end < text.length - 1; end++) {
    assert.throws(
      () => parseExposition(text.slice(0, end), { format: 'openmetrics' }),
      { code: 'ASSAY_SCRAPE_PARSE' },
      `cut at ${end}`,
    )
  }
})
