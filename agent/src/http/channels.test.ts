import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { type ChannelRules, parseChannels } from './channels.ts'

const nameOf = (rules: ChannelRules, peer: string, headers: IncomingHttpHeaders): string | undefined =>
  rules.names[rules.decide(rules.peer(peer), headers)]

test('the first rule that holds is the channel', () => {
  const lan = { internal: ['10.0.0.0/8', 'fd00::/8'], open: 'rest' }
  const demo = { open: { header: 'X-Api-Key' }, internal: 'rest' }
  const named = { shop: [{ header: 'x-caller', is: 'shop' }, '192.168.7.7'], partner: { header: 'x-api-key' } }
  const keyed = { partner: { key: ['k1', 'k2'] }, robot: { key: ['Bearer r'], in: 'Authorization' }, open: 'rest' }
  const cases: readonly (readonly [unknown, string, IncomingHttpHeaders, string | undefined, string])[] = [
    [lan, '10.1.2.3', {}, 'internal', 'inside of the network'],
    [lan, '::ffff:10.1.2.3', {}, 'internal', 'IPv4 over an IPv6 socket'],
    [lan, 'fd00::1', {}, 'internal', 'IPv6'],
    [lan, '11.0.0.1', {}, 'open', 'the rest'],
    [demo, '127.0.0.1', { 'x-api-key': 'k' }, 'open', 'a header that is there'],
    [demo, '127.0.0.1', {}, 'internal', 'and one that is not'],
    [named, '1.1.1.1', { 'x-caller': 'shop' }, 'shop', 'a header with that value'],
    [named, '1.1.1.1', { 'x-caller': 'crm', 'x-api-key': '' }, 'partner', 'another value; the next rule'],
    [named, '192.168.7.7', {}, 'shop', 'one address'],
    [named, '1.1.1.1', {}, undefined, 'no rule holds'],
    [keyed, '1.1.1.1', { 'x-api-key': 'k2' }, 'partner', 'one of the keys'],
    [keyed, '1.1.1.1', { 'x-api-key': 'k3' }, 'open', 'another key'],
    [keyed, '1.1.1.1', { authorization: 'Bearer r' }, 'robot', 'a key in another header'],
    [{}, '1.1.1.1', {}, undefined, 'no rules'],
  ]
  for (const [rules, peer, headers, name, why] of cases) {
    assert.equal(nameOf(parseChannels(rules, []), peer, headers), name, why)
  }
})

test('behind trusted proxies the client is the last address that is not one of them', () => {
  const channels = parseChannels({ internal: ['10.0.0.0/8', 'fd00::/8'], open: 'rest' }, [
    '127.0.0.0/8',
    '192.168.0.0/16',
  ])
  const of = (peer: string, forwarded?: string) =>
    nameOf(channels, peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })
  assert.equal(of('127.0.0.1', '10.0.0.9'), 'internal')
  assert.equal(of('127.0.0.1', '10.0.0.9, 8.8.8.8'), 'open', 'what the client itself has written does not count')
  assert.equal(of('127.0.0.1', '10.0.0.9, 192.168.1.1'), 'internal', 'two proxies')
  assert.equal(of('8.8.8.8', '10.0.0.9'), 'open', 'an untrusted peer is not believed')
  assert.equal(of('127.0.0.1', 'nonsense'), 'open')
  assert.equal(of('127.0.0.1', '10.0.0.9:4711'), 'internal', 'with a port')
  assert.equal(of('127.0.0.1', '[fd00::1]:4711'), 'internal', 'IPv6 with a port')
  assert.equal(of('127.0.0.1'), 'open', 'the proxy itself')
  assert.equal(
    nameOf(channels, '127.0.0.1', { forwarded: 'for=10.0.0.9;proto=https, for="192.168.1.1:80"' }),
    'internal',
  )
  assert.equal(nameOf(channels, '127.0.0.1', { forwarded: 'proto=https;For="[fd00::9]:4711"' }), 'internal')
  assert.equal(nameOf(channels, '127.0.0.1', { forwarded: 'for=_hidden' }), 'open', 'an obfuscated name is no address')
  assert.equal(
    nameOf(channels, '127.0.0.1', { forwarded: 'for=10.0.0.9', 'x-forwarded-for': '8.8.8.8' }),
    'open',
    'X-Forwarded-For has the word when both are there',
  )
  assert.equal(channels.perConnection, false)
})

test('requests of many clients over one connection of a proxy are told apart', () => {
  const channels = parseChannels({ internal: ['10.0.0.0/8'], open: 'rest' }, ['127.0.0.1'])
  const peer = channels.peer('127.0.0.1')
  const seen = ['10.0.0.1', '8.8.8.8', '8.8.8.8', '10.0.0.2'].map((from) => {
    const channel = channels.decide(peer, { 'x-forwarded-for': from })
    return [channels.names[channel], peer.address]
  })
  assert.deepEqual(seen, [
    ['internal', '10.0.0.1'],
    ['open', '8.8.8.8'],
    ['open', '8.8.8.8'],
    ['internal', '10.0.0.2'],
  ])
})

test('rules by address alone are decided once for a connection', () => {
  assert.equal(parseChannels({ internal: '10.0.0.0/8', open: 'rest' }, []).perConnection, true)
  assert.equal(parseChannels({ open: { header: 'x' } }, []).perConnection, false)
  assert.equal(parseChannels({ open: { key: ['x'] } }, []).perConnection, false)
})

test('a rule that cannot be read says what to write instead', () => {
  for (const wrong of [
    [],
    'internal',
    null,
    { a: 5 },
    { a: ['10.0.0.0/33'] },
    { a: 'everyone' },
    { a: { header: 5 } },
    { a: { header: 'x', is: 1 } },
    { a: { key: 'k' } },
    { a: { key: [] } },
    { a: { key: ['k'], in: 5 } },
    { a: '10.0.0.0/' },
    { a: Array.from({ length: 32 }, (_, i) => `10.0.0.${i}`) },
  ]) {
    assert.throws(() => parseChannels(wrong, []), /write|written|is not|at most/, JSON.stringify(wrong))
  }
})

test('a key that is written wrongly is not repeated', () => {
  assert.throws(
    () => parseChannels({ a: { key: ['secret', 5] } }, []),
    (error: Error) => !error.message.includes('secret'),
  )
})
