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

test('a header is what Node would say it is, before and after Node has built all of them', () => {
  for (const name of ['host', 'x-user-id', 'cookie', 'user-agent', 'x-empty', 'x-none', 'x-user-ie', 'constructor']) {
    const request = parsed(LINES)
    const before = headerOf(request, name)
    const said = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined
    assert.equal(before, said, name)
    if (name !== 'constructor') assert.equal(headerOf(request, name), said, name)
  }
})

test('of several lines the first counts; what is no request of Node is asked for its headers', () => {
  assert.equal(headerOf(parsed(['X-A', '1', 'x-a', '2']), 'x-a'), '1')
  assert.equal(headerOf({ headers: { 'x-a': ['1', '2'] } }, 'x-a'), '1')
  assert.equal(headerOf({ headers: {} }, 'x-a'), undefined)
})

test('reading one header does not make Node build all', () => {
  const request = parsed(LINES)
  headerOf(request, 'x-user-id')
  const field = Object.getOwnPropertySymbols(request).find(({ description }) => description === 'kHeaders')
  if (field !== undefined) assert.equal(Reflect.get(request, field), null)
})
