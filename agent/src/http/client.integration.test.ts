import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { assemble, render } from '../exposition/exposition.ts'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { freePort } from '../test-support/service.ts'
import { errorType, instrumentHttpClient } from './client.ts'

const COUNT = 'http_client_request_duration_seconds_count'

test('requests by http and by fetch are each counted once, with what came of them', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  instrumentHttpClient(store, guard)
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/bad' ? 404 : 200
    response.end('x')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const base = `http://127.0.0.1:${port}`
  await (await fetch(`${base}/good`)).text()
  await (await fetch(`${base}/bad`, { method: 'POST' })).text()
  const [response] = (await once(get(`${base}/good`), 'response')) as [import('node:http').IncomingMessage]
  response.resume()
  await once(response, 'end')
  const refused = await freePort()
  await assert.rejects(fetch(`http://127.0.0.1:${refused}/`))
  await once(get(`http://127.0.0.1:${refused}/`), 'error')
  server.close()
  server.closeAllConnections()

  const page = assemble([render(store, 'text')], 'text')
  const here = { server_address: '127.0.0.1', server_port: String(port) }
  assert.equal(valueAt(page, COUNT, { ...here, http_request_method: 'GET', http_response_status_code: '200' }), 2)
  assert.equal(valueAt(page, COUNT, { ...here, http_request_method: 'POST', error_type: '404' }), 1)
  assert.equal(valueAt(page, COUNT, { server_port: String(refused), error_type: 'ECONNREFUSED' }), 2)
  assert.equal(samplesOf(page, COUNT).length, 3)
})

test('an error is told by its code, else by its class, else not at all', () => {
  assert.equal(errorType(Object.assign(new Error('x'), { code: 'ECONNRESET' })), 'ECONNRESET')
  assert.equal(errorType(new TypeError('x')), 'TypeError')
  assert.equal(errorType(Object.assign(new Error('x'), { code: 'a message with words', name: 'and more' })), '_OTHER')
  assert.equal(errorType('x'), '_OTHER')
})
