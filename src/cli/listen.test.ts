import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseListen } from './listen.ts'

const cases = [
  ['127.0.0.1:2424', '127.0.0.1', 2424],
  ['[::1]:80', '::1', 80],
  [':9090', '127.0.0.1', 9090],
  ['9090', '127.0.0.1', 9090],
  ['localhost:0', 'localhost', 0],
] as const
for (const [text, host, port] of cases)
  test(`${text} listens on ${host}, port ${port}`, () => assert.deepEqual(parseListen(text), { host, port }))
for (const text of ['', 'a', '1:2:3', '127.0.0.1:', '127.0.0.1:70000']) {
  test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseListen(text), { code: 'ASSAY_USAGE' }))
}
