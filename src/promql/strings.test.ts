import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { quote, unquote } from './strings.ts'

const read = (literal: string) => unquote(literal, 0, literal.length)

test('a quoted text reads back the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(read(quote(text)), text)
    }),
  )
})

test('escapes mean what they mean in Go', () => {
  assert.equal(read(String.raw`"\a\b\f\n\r\t\v\\\""`), '\x07\b\f\n\r\t\v\\"')
  assert.equal(read(String.raw`"\x41\101\u00e9\U0001F600"`), 'AAé😀')
  assert.equal(read(String.raw`'\''`), "'")
  assert.equal(read('`\\n`'), '\\n')
})

test('bytes of UTF-8 become their character, and bytes of none stay an error that can be seen', () => {
  assert.equal(read(String.raw`"\xc3\xa9"`), 'é')
  assert.equal(read(String.raw`"a\xc5z"`).isWellFormed(), false)
  assert.equal(quote(read(String.raw`"a\xc5z"`)), String.raw`"a\xc5z"`)
  assert.equal(quote(read(String.raw`"\xf0\x9f\x98"`)), String.raw`"\xf0\x9f\x98"`)
})
