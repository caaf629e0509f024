import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { notesOf, parseNote, spanAt } from './notes.ts'

test('an error loses its place and the prefix of the API, and keeps its words', () => {
  assert.deepEqual(parseNote('error', 'invalid parameter "query": 1:5: unexpected the end; write an expression here'), {
    kind: 'error',
    text: 'unexpected the end; write an expression here',
    place: { line: 1, column: 5 },
  })
})

test('warnings and infos have their place at the end', () => {
  const text = 'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "up" (1:6)'
  assert.deepEqual(parseNote('info', text), {
    kind: 'info',
    text: 'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "up"',
    place: { line: 1, column: 6 },
  })
})

test('a remark without a place is told whole', () => {
  assert.deepEqual(parseNote('warning', 'results truncated due to limit'), {
    kind: 'warning',
    text: 'results truncated due to limit',
    place: undefined,
  })
})

test('the gravest comes first, each once', () => {
  const notes = notesOf({ error: '1:1: e', warnings: ['w (1:1)', 'w (1:1)'], infos: ['i (1:1)'] })
  assert.deepEqual(
    notes.map(({ text }) => text),
    ['e', 'w', 'i'],
  )
})

// The text, the place, what is underlined.
const PLACES: readonly (readonly [text: string, line: number, column: number, found: string | undefined])[] = [
  ['rate(up[1m])', 1, 6, 'up'],
  ['rate(job:up:sum[1m])', 1, 6, 'job:up:sum'],
  ['a\n  + b', 2, 3, '+'],
  ['up{a="x y"}', 1, 6, '"x y"'],
  ['1.5e3 + x', 1, 1, '1.5e3'],
  ['a >= b', 1, 3, '>='],
  ['{"größe"} + up', 1, 15, 'up'],
  ['sum(rate(x[1m', 1, 14, 'm'],
  ['up +  ', 1, 7, '+'],
  ['up', 1, 9, undefined],
  ['up', 3, 1, undefined],
  ['up', 1, 0, undefined],
  ['', 1, 1, undefined],
]
for (const [text, line, column, found] of PLACES)
  test(`${line}:${column} of ${JSON.stringify(text)} is ${found ?? 'nowhere'}`, () => {
    const span = spanAt(text, { line, column })
    assert.equal(span === undefined ? undefined : text.slice(span.start, span.end), found)
  })

test('law: a span lies in the text and is not empty', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(5), fc.nat(40), (text, line, column) => {
      const span = spanAt(text, { line, column })
      if (span === undefined) return
      assert.ok(span.start >= 0 && span.end > span.start && span.end <= text.length)
    }),
  )
})
