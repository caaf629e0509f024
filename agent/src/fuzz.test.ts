/**
 * Whatever Node and libraries may publish one day, nothing of it reaches the application through the agent: every channel it listens to is
 * handed random messages, things that throw when they are touched among them.
 */
import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { Agent } from './agent.ts'
import { readConfig } from './config.ts'
import { pageOf } from './test-support/page-of.ts'
import { samplesOf } from './test-support/parse-page.ts'

/** All that the agent subscribes to when it is made; found by asking, so that a new one is fuzzed without being named here. */
const CHANNELS = [
  'http.server.request.start',
  'http.server.response.finish',
  'http.client.request.start',
  'http.client.request.created',
  'http.client.request.error',
  'http.client.response.finish',
  'http2.server.stream.start',
  'http2.server.stream.finish',
  'http2.server.stream.error',
  'http2.server.stream.close',
  'undici:request:create',
  'undici:request:headers',
  'undici:request:error',
  'undici:request:trailers',
  'undici:client:sendHeaders',
  'undici:client:connected',
  'fastify.initialization',
  'net.client.socket',
  'net.server.socket',
  'tracing:net.server.listen:asyncStart',
  'tracing:module.require:end',
  'tracing:module.import:asyncEnd',
] as const

/** Throws whatever is done with it. */
const thorn: object = new Proxy(() => {}, {
  get: () => {
    throw new Error('get')
  },
  has: () => {
    throw new Error('has')
  },
  getPrototypeOf: () => {
    throw new Error('prototype')
  },
  ownKeys: () => {
    throw new Error('keys')
  },
  apply: () => {
    throw new Error('call')
  },
})

/** Made into what it stands for only when it is published: the generator itself looks at what it makes. */
const STANDS_FOR: Readonly<Record<string, unknown>> = {
  'a thorn': thorn,
  'an emitter': new EventEmitter(),
  'something frozen': Object.freeze({}),
  'a header of 1 MB': 'x'.repeat(1_000_000),
}
const NAMES =
  'request response server socket headers error stream client options id parentFilename result fastify method url path origin host'
const thing = fc.oneof(fc.anything(), fc.constantFrom(...Object.keys(STANDS_FOR)))
const fields = (value: fc.Arbitrary<unknown>) => fc.dictionary(fc.constantFrom(...NAMES.split(' ')), value)
const message = fc.oneof(thing, fields(fc.oneof(thing, fields(thing))))

function bring(given: unknown): unknown {
  if (typeof given === 'string') return STANDS_FOR[given] ?? given
  if (typeof given !== 'object' || given === null || Object.getPrototypeOf(given) !== Object.prototype) return given
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, bring(value)]))
}

test('no message on any channel reaches the application', async () => {
  const agent = new Agent(
    () => readConfig({ ASSAY_AGENT: 'off' }, () => {}),
    () => {},
  )
  try {
    const heard = CHANNELS.filter((name) => channel(name).hasSubscribers)
    assert.ok(heard.length >= 8, heard.join())
    fc.assert(
      fc.property(fc.constantFrom(...heard), message, (name, given) => {
        channel(name).publish(bring(given))
      }),
      { numRuns: 2_000 },
    )
    // What a subscriber throws ends the process in the next turn; here it fails the test.
    await new Promise((resolve) => setImmediate(resolve))
    const page = await pageOf(agent.store)
    assert.ok(samplesOf(page, 'assay_agent_faults_total').length > 0, 'the guard has had to do')
  } finally {
    await agent[Symbol.asyncDispose]()
  }
})
