import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tokenize } from './lexer.ts'
import { ParseError } from './position.ts'

const shapes = (text: string) =>
  tokenize(text).map((token) =>
    token.type === 'number' || token.type === 'string' ? [token.type, token.value] : [token.type, token.text],
  )

test('numbers come in all the spellings of Go, and as durations', () => {
  const values = (text: string) => shapes(text).flatMap(([type, value]) => (type === 'number' ? [value] : []))
  assert.deepEqual(values('1 1.5 .5 2. 1e3 1_000 0x1F 0xf_f 1e-6'), [1, 1.5, 0.5, 2, 1000, 1000, 31, 255, 0.000001])
  assert.deepEqual(values('5m 1h30m 1d 2w 1y 100ms 0s'), [300, 5400, 86400, 1209600, 31536000, 0.1, 0])
})

test('a colon belongs to a metric name outside of brackets, and stands alone inside', () => {
  assert.deepEqual(shapes('job:up').at(0), ['word', 'job:up'])
  assert.deepEqual(
    shapes('a[5m:step()]').map(([, value]) => value),
    ['a', '[', 300, ':', 'step', '(', ')', ']', ''],
  )
})

test('comments and space leave nothing behind', () => {
  assert.deepEqual(shapes(' # all of it\n\t'), [['end', '']])
  assert.deepEqual(shapes('"# no comment"').at(0), ['string', '# no comment'])
})

test('spans point at the text they were made of', () => {
  const text = 'sum(rate(x{a="b"}[5m])) >= 1e3'
  for (const token of tokenize(text)) {
    if (token.type === 'word' || token.type === 'punct')
      assert.equal(text.slice(token.span.start, token.span.end), token.text)
  }
})

test('any text is tokenized or refused with a place, never anything else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      try {
        assert.equal(tokenize(text).at(-1)!.type, 'end')
      } catch (thrown) {
        assert.ok(thrown instanceof ParseError, String(thrown))
        assert.match(thrown.message, /^\d+:\d+: /)
      }
    }),
  )
})
