/** Progress: over and over on one line of a terminal, seldom elsewhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Progress, sized } from './progress.ts'

function shown(isTTY: boolean, everyMs: number): string {
  let now = 0
  let text = ''
  using progress = new Progress(() => now, { isTTY, write: (more) => (text += more) })
  for (let i = 1; i <= 4; i++) {
    now += everyMs
    progress.tell(() => `${i}`)
  }
  progress[Symbol.dispose]()
  return text
}

test('a terminal has one line that is written over and cleared at the end', () => {
  assert.equal(shown(true, 100), '\r\x1b[K1\r\x1b[K2\r\x1b[K3\r\x1b[K4\r\x1b[K')
  assert.equal(shown(true, 60), '\r\x1b[K2\r\x1b[K4\r\x1b[K')
})

test('a file has a line every ten seconds', () => {
  assert.equal(shown(false, 6000), '2\n4\n')
  assert.equal(shown(false, 100), '')
})

test('sizes are told in the unit that fits', () => {
  assert.deepEqual([0, 1023, 1024, 1536 * 1024, 5 * 2 ** 40].map(sized), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '5.0 TiB',
  ])
})
