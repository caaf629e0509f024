import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { headerOf } from './header.ts'

/** As Node's parser leaves it. */
function parsed(lines: string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  const { _addHeaderLines } = request as unknown as { _addHeaderLines(lines: string[], count: number): void }
  _addHeaderLines.call(request, lines, lines.length)
  return request
}

const LINES = ['Host', 'a', 'X-User-ID', 'u 1', 'Cookie', 's=1; t=2', 'user-agent', 'curl', 'X-Empty', '']

test('a header is what Node says it is, and what every object has is none', () => {
  const request = parsed(LINES)
  const said = ['host', 'x-user-id', 'cookie', 'user-agent', 'x-empty', 'x-none', 'constructor', '__proto__'].map(
    (name) => headerOf(request, name),
  )
  assert.deepEqual(said, ['a', 'u 1', 's=1; t=2', 'curl', '', undefined, undefined, undefined])
})

test('of a list the first value counts; lines that Node has joined are one value', () => {
  assert.equal(headerOf({ headers: { 'x-a': ['1', '2'] } }, 'x-a'), '1')
  assert.equal(headerOf(parsed(['X-A', '1', 'x-a', '2']), 'x-a'), '1, 2')
  assert.equal(headerOf({ headers: {} }, 'x-a'), undefined)
})
