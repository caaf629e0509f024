import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byBytes, Labels } from './labels.ts'

const record = fc.dictionary(fc.string({ unit: 'binary', maxLength: 6 }), fc.string({ unit: 'binary', maxLength: 6 }), {
  maxKeys: 6,
})
const withoutEmpty = (given: Record<string, string>) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))

test('a set holds what it was made of, less empty values', () => {
  fc.assert(
    fc.property(record, (given) => {
      const labels = Labels.of(given)
      assert.deepEqual({ ...labels.toJSON() }, { ...withoutEmpty(given) })
      for (const [name, value] of Object.entries(given)) assert.equal(labels.get(name), value)
    }),
  )
})

test('keys are equal for equal sets and for no others', () => {
  fc.assert(
    fc.property(record, record, (a, b) => {
      const same =
        JSON.stringify(Object.entries(withoutEmpty(a)).sort()) ===
        JSON.stringify(Object.entries(withoutEmpty(b)).sort())
      assert.equal(Labels.of(a).key === Labels.of(b).key, same)
      assert.equal(Labels.of(a).equals(Labels.of(b)), same)
    }),
  )
})

test('names are ordered by their UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      assert.equal(Math.sign(byBytes(a, b)), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
    }),
  )
})

test('with, without and keep change a copy', () => {
  const labels = Labels.of({ __name__: 'up', job: 'shop', instance: 'a' })
  assert.equal(labels.with('job', 'crm').get('job'), 'crm')
  assert.equal(labels.with('job', '').has('job'), false)
  assert.equal(labels.without('job', 'instance').size, 1)
  assert.equal(labels.keep(['job']).toString(), '{job="shop"}')
  assert.equal(labels.get('job'), 'shop')
  assert.equal(labels.without('nosuch'), labels)
})

const printed = [
  { labels: { __name__: 'up' }, as: 'up' },
  { labels: { __name__: 'up', job: 'a"b' }, as: 'up{job="a\\"b"}' },
  { labels: {}, as: '{}' },
  { labels: { __name__: 'my.metric', 'a.b': 'c' }, as: '{"my.metric", "a.b"="c"}' },
]
for (const { labels, as } of printed) {
  test(`${as} is printed as Prometheus does`, () => {
    assert.equal(Labels.of(labels).toString(), as)
  })
}
