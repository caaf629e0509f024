import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isLegacyName } from '#core'
import { ESCAPINGS, type Escaping, type ExpositionFormat, escapeName, negotiateFormat } from './exposition-format.ts'
import { unescapeName } from './matchers.ts'

const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
const cases: readonly {
  accept: string | undefined
  kind: ExpositionFormat['kind']
  escaping: Escaping
  why: string
}[] = [
  { accept: undefined, kind: 'text', escaping: 'underscores', why: 'nothing asked for is what every client reads' },
  { accept: '*/*', kind: 'text', escaping: 'underscores', why: 'anything' },
  { accept: PROTOBUF, kind: 'protobuf', escaping: 'underscores', why: 'protocol buffers by themselves' },
  {
    accept: `text/plain;q=0.3,${PROTOBUF};escaping=allow-utf-8;q=0.4`,
    kind: 'protobuf',
    escaping: 'allow-utf-8',
    why: 'the heavier one',
  },
  {
    accept: `text/plain;q=0.5,${PROTOBUF};q=0.4`,
    kind: 'text',
    escaping: 'underscores',
    why: 'text when it is heavier',
  },
  {
    accept: `${PROTOBUF};q=0,text/plain;escaping=dots`,
    kind: 'text',
    escaping: 'dots',
    why: 'a weight of zero refuses',
  },
  {
    accept: 'application/openmetrics-text;version=1.0.0',
    kind: 'text',
    escaping: 'underscores',
    why: 'OpenMetrics is not written here',
  },
  {
    accept: 'application/vnd.google.protobuf;proto=other;encoding=delimited',
    kind: 'text',
    escaping: 'underscores',
    why: 'another message',
  },
  { accept: 'text/plain;escaping=nonsense', kind: 'text', escaping: 'underscores', why: 'an escaping that is none' },
]
for (const { accept, kind, escaping, why } of cases)
  test(`Accept ${accept}: ${why}`, () => assert.deepEqual(negotiateFormat(accept), { kind, escaping }))

const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((name) => name.isWellFormed())

test('an escaped name can be written plainly, unless it was asked for as it is', () => {
  fc.assert(
    fc.property(names, fc.constantFrom(...ESCAPINGS), (name, escaping) => {
      const escaped = escapeName(name, escaping)
      assert.ok(escaping === 'allow-utf-8' ? escaped === name : isLegacyName(escaped), escaped)
    }),
  )
})

test('a name escaped by its values comes back', () => {
  fc.assert(
    fc.property(
      names.filter((name) => !name.startsWith('U__')),
      (name) => assert.equal(unescapeName(escapeName(name, 'values')), name),
    ),
  )
})
