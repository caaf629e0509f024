import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { parseChannels } from './channels.ts'

test('the first rule that holds is the channel', () => {
  const lan = { internal: ['10.0.0.0/8', 'fd00::/8'], open: 'rest' }
  const demo = { open: { header: 'X-Api-Key' }, internal: 'rest' }
  const named = { shop: [{ header: 'x-caller', is: 'shop' }, '192.168.7.7'], partner: { header: 'x-api-key' } }
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
    [{}, '1.1.1.1', {}, undefined, 'no rules'],
  ]
  for (const [rules, peer, headers, name, why] of cases) {
    const channels = parseChannels(rules, [])
    assert.equal(channels.names[channels.decide(peer, headers)], name, why)
  }
})

test('behind trusted proxies the client is the last address that is not one of them', () => {
  const channels = parseChannels({ internal: ['10.0.0.0/8'], open: 'rest' }, ['127.0.0.0/8', '192.168.0.0/16'])
  const of = (peer: string, forwarded?: string) =>
    channels.names[channels.decide(peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })]
  assert.equal(of('127.0.0.1', '10.0.0.9'), 'internal')
  assert.equal(of('127.0.0.1', '10.0.0.9, 8.8.8.8'), 'open', 'what the client itself has written does not count')
  assert.equal(of('127.0.0.1', '10.0.0.9, 192.168.1.1'), 'internal', 'two proxies')
  assert.equal(of('8.8.8.8', '10.0.0.9'), 'open', 'an untrusted peer is not believed')
  assert.equal(of('127.0.0.1', 'nonsense'), 'open')
  assert.equal(channels.perConnection, false)
})

test('rules by address alone are decided once for a connection', () => {
  assert.equal(parseChannels({ internal: '10.0.0.0/8', open: 'rest' }, []).perConnection, true)
  assert.equal(parseChannels({ open: { header: 'x' } }, []).perConnection, false)
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
    { a: '10.0.0.0/' },
  ]) {
    assert.throws(() => parseChannels(wrong, []), /write|is not/, JSON.stringify(wrong))
  }
})
