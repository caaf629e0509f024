import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { asciiCode } from './ascii-code.ts'

const text = fc.string({ unit: 'binary' })

test('code means the same when it is spelt in ASCII', () => {
  fc.assert(
    fc.property(text, (given) => {
      // Two ways to write it: both may be in a script.
      const template = `\`${given.replace(/[\\`$]/g, '\\$&').replaceAll('\r', '\\r')}\``
      for (const code of [JSON.stringify(given), template]) {
        const spelt = asciiCode(code)
        assert.doesNotMatch(spelt, /[\u0080-\uffff]/)
        assert.equal(runInNewContext(spelt), given)
      }
    }),
  )
})

test('regular expressions and names mean the same as well', () => {
  const code = 'const größe→ = 1'.replace('→', 'Ω')
  assert.equal(runInNewContext(`${asciiCode(code)}; größe\u03a9`), 1)
  for (const [expression, matching] of [
    ['/^[α-ω]+…$/', 'λόγος…'.normalize('NFD').replaceAll('\u0301', '')],
    ['/^[😀-😂]$/u', '😁'],
    ['/^[^😀]$/v', '😁'],
  ] as const) {
    const [before, after] = [expression, asciiCode(expression)].map((one) => runInNewContext(one) as RegExp)
    assert.equal(before!.test(matching), true, expression)
    assert.equal(after!.test(matching), true, after!.source)
  }
})

test('what would not mean the same is refused', () => {
  assert.throws(() => asciiCode("'\\→'"), /a backslash before/)
  assert.throws(() => asciiCode('String.raw`→`'), /read as it is spelt/)
  assert.equal(asciiCode("'\\\\→'"), "'\\\\\\u2192'")
})
