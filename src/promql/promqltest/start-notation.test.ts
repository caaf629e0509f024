import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStarts, tryParseStartLine } from './start-notation.ts'

test('offsets stand alone, repeat and grow', () => {
  assert.deepEqual(parseStarts('_ -30s +1m 0 1ms'), [undefined, -30_000, 60_000, 0, 1])
  assert.deepEqual(parseStarts('_x2 -1mx2 _ * *x1'), [
    undefined,
    undefined,
    ...Array(3).fill(-60_000),
    undefined,
    ...Array(3).fill(-60_000),
  ])
  assert.deepEqual(parseStarts('-30s-1mx2 1m+1sx1'), [-30_000, -90_000, -150_000, 60_000, 61_000])
})

test('a line of start timestamps is known by its first word', () => {
  assert.deepEqual(tryParseStartLine('up{a="b"}@st -1s'), { series: 'up{a="b"}', offsets: [-1000] })
  assert.deepEqual(tryParseStartLine('@st -1s'), { series: '', offsets: [-1000] })
  assert.equal(tryParseStartLine('up{a="b"} 1 2'), undefined)
})

test('what is no offset is refused', () => {
  for (const text of ['1', '-', '1m+1s', '1mx', 'x2', '1m30', '1mx9999999', '_x9999999'])
    assert.throws(() => parseStarts(text), SyntaxError, text)
})
