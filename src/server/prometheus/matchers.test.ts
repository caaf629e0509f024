import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseMatchers, unescapeName } from './matchers.ts'

/** The inverse, as a client writes it. */
function escapeName(name: string): string {
  return `U__${[...name].map((char) => (char === '_' ? '__' : /[a-zA-Z0-9]/.test(char) ? char : `_${char.codePointAt(0)?.toString(16)}_`)).join('')}`
}

test('any name survives the way through a path', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) =>
      assert.equal(unescapeName(escapeName(name)), name),
    ),
  )
})

test('a plain name and one that is not well-formed are taken as they are', () => {
  for (const name of ['job', 'U_x', 'U__a_zz_b', 'U__a_', 'U__d_d800_x', 'U___110000_'])
    assert.equal(unescapeName(name), name)
})

test('a selector that matches everything is refused, and so is one that is none', () => {
  assert.throws(() => parseMatchers(['{job=~".*"}']), /at least one non-empty matcher/)
  assert.throws(() => parseMatchers(['up{']), { type: 'bad_data' })
  assert.equal(parseMatchers(['up', '{job="x",instance!="y"}']).length, 2)
})
