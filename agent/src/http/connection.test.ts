import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { CONNECTION, Connection, NOT_KEPT } from './connection.ts'
import { RouteBook } from './routes/route-book.ts'

function exchange(socket = new Socket()) {
  const request = new IncomingMessage(socket)
  return { request, response: new ServerResponse(request) }
}

test('a flight is found by its request and by its answer, also behind another one, and free again when it is closed', () => {
  const connection = new Connection(0, false)
  const [one, other] = [exchange(), exchange()]
  const first = connection.open()
  first.response = one.response
  const second = connection.open()
  second.response = other.response
  assert.notEqual(first, second)
  assert.equal(connection.find(one.request), first)
  assert.equal(connection.find(other.request), second)
  assert.equal(connection.answeredBy(other.response), second)
  assert.equal(connection.answeredBy(exchange().response), undefined)
  assert.deepEqual(connection.inFlight(), [first, second])
  connection.close(first)
  assert.equal(connection.find(one.request), undefined)
  assert.equal(connection.open(), first, 'it is used again')
  connection.close(second)
  assert.deepEqual(connection.inFlight(), [])
})

test('a flight without an answer is found by its request: an upgrade', () => {
  const connection = new Connection(0, false)
  const { request } = exchange()
  const flight = connection.open()
  flight.request = request
  assert.equal(connection.find(request), flight)
  assert.equal(connection.find(exchange().request), undefined)
  assert.deepEqual(connection.inFlight(), [flight])
})

test("a framework's request is kept once somebody asks for it, and a request from before is known as one", () => {
  const book = new RouteBook(() => 10)
  const socket = new Socket() as Socket & { [CONNECTION]?: Connection }
  const { request, response } = exchange(socket)
  const connection = new Connection(0, false)
  socket[CONNECTION] = connection
  const flight = connection.open()
  flight.response = response
  const framework = { user: 'one' }
  book.setRoute(request, book.routes.of('/orders/:id'), framework)
  assert.equal(flight.framework, NOT_KEPT)
  book.keepsFramework = true
  book.setRoute(request, book.routes.of('/orders/:id'), framework)
  assert.equal(flight.framework, framework)
  assert.equal(flight.route?.template, '/orders/:id')
})
