import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { negotiateEncoding, negotiateFormat } from './accept.ts'

const PROTO = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
const PROTO_ASKED =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6'
const REST_ASKED =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'
const TEXT = 'text/plain; version=0.0.4; charset=utf-8'

test('the format is the one asked for', () => {
  const cases: readonly (readonly [string | undefined, string, why: string])[] = [
    [undefined, TEXT, 'no header'],
    ['', TEXT, 'an empty one'],
    ['*/*', TEXT, 'curl'],
    ['image/png', TEXT, 'what we do not have'],
    [`${PROTO_ASKED},${REST_ASKED}`, `${PROTO}; escaping=allow-utf-8`, 'Prometheus 3 with native histograms'],
    [
      REST_ASKED,
      'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
      'Prometheus 3 without',
    ],
    ['application/openmetrics-text', 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'no version'],
    [
      'application/openmetrics-text; version=0.0.1; escaping=dots',
      'application/openmetrics-text; version=0.0.1; charset=utf-8',
      'a version that knows no escaping',
    ],
    ['application/openmetrics-text; version=2.0.0;q=0.9,text/plain;q=0.1', TEXT, 'a version that we do not write'],
    ['text/plain;version=1.0.0;escaping=values', 'text/plain; version=1.0.0; charset=utf-8; escaping=values', 'text 1'],
    ['text/plain;version=1.0.0;escaping=odd', 'text/plain; version=1.0.0; charset=utf-8', 'an escaping nobody knows'],
    ['text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.5', TEXT, 'a tie goes to the first'],
    ['application/openmetrics-text;q=0', TEXT, 'what is refused'],
    ['application/openmetrics-text;q=2,text/plain;q=0.1', TEXT, 'a q that is none'],
    ['application/vnd.google.protobuf;proto="io.prometheus.client.MetricFamily";encoding=delimited', PROTO, 'quotes'],
    ['application/vnd.google.protobuf;encoding=text', TEXT, 'protobuf as text'],
  ]
  for (const [accept, contentType, why] of cases) assert.equal(negotiateFormat(accept).contentType, contentType, why)
})

test('whatever is asked, there is an answer', () => {
  const words = fc.constantFrom(...'*/* text/plain ; , q= q=0.5 version=1.0.0 = " escaping=dots'.split(' '))
  const joined = fc.array(words).map((all) => all.join(''))
  fc.assert(
    fc.property(fc.oneof(fc.string(), joined), (accept) => {
      assert.match(negotiateFormat(accept).contentType, /^[ -~]+$/)
      assert.ok(['identity', 'gzip'].includes(negotiateEncoding(accept, ['gzip'])))
    }),
  )
})

test('the compression is the best that both know', () => {
  const both = ['zstd', 'gzip'] as const
  const cases = [
    [undefined, both, 'identity'],
    ['gzip', both, 'gzip'],
    ['gzip, deflate, br, zstd', both, 'zstd'],
    ['gzip, zstd', ['gzip'], 'gzip'],
    ['zstd;q=0.5, gzip', both, 'gzip'],
    ['gzip;q=0, *', ['gzip'], 'identity'],
    ['*', ['gzip'], 'gzip'],
    ['*;q=0', both, 'identity'],
    ['identity, gzip;q=0.5', both, 'identity'],
    ['br', both, 'identity'],
  ] as const
  for (const [header, offered, encoding] of cases)
    assert.equal(negotiateEncoding(header, offered), encoding, String(header))
})
