import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { plainValue, sourceTexts, tryNumber, tryTruth, withSources } from './yaml-scalars.ts'

function read(text: string, free?: string): unknown {
  return withSources(parseDocument(text), free)
}

test('a text is its source, whatever YAML makes of it', () => {
  const written = ['010', '0x10', '1_0', '1e3', '.5', '1.50', '+1', 'true', '.inf', 'yes', '2020-01-01', 'a']
  assert.deepEqual(sourceTexts(read(`[${written.join(', ')}, "7", 'null']`)), [...written, '7', 'null'])
  assert.deepEqual(sourceTexts(read('a: { b: [1.0, x] }')), { a: { b: ['1.0', 'x'] } })
})

test('a key whose value is null is absent, but where anything may stand', () => {
  assert.deepEqual(read('a:\nb: ~\nc: null\nd: "null"\ne: [null]'), { d: 'null', e: [null] })
  assert.deepEqual(read('free: { a: [{ b: null }] }\nother: { a: null }', 'free'), {
    free: { a: [{ b: null }] },
    other: {},
  })
  assert.deepEqual(read('free:', 'free'), {})
  assert.deepEqual(read('a: &x null\nb: *x\nc: { d: *x }\ne: [*x]'), { c: {}, e: [null] })
})

test('what has no type of its own is what YAML reads', () => {
  assert.deepEqual(plainValue(read('[1.5, true, 0x10, "1", { a: 2 }]')), [1.5, true, 16, '1', { a: 2 }])
})

test('truths are spelled as in YAML 1.1', () => {
  for (const yes of ['y', 'Yes', 'ON', 'true', true]) assert.equal(tryTruth(yes), true)
  for (const no of ['n', 'No', 'OFF', 'false', false]) assert.equal(tryTruth(no), false)
  for (const neither of ['', 'tRUE', 'j', '1', 1, undefined, []]) assert.equal(tryTruth(neither), undefined)
  assert.deepEqual((read('[true, no]') as unknown[]).map(tryTruth), [true, false])
})

test('numbers are spelled as in YAML 1.1', () => {
  for (const [written, number] of [
    ['1_000', 1000],
    ['010', 8],
    ['-010', -8],
    ['0o17', 15],
    ['0x1F', 31],
    ['0b101', 5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['0', 0],
    ['08', 8],
    ['12.', 12],
    [7, 7],
  ] as const)
    assert.equal(tryNumber(written), number, String(written))
  for (const none of ['', 'a', '1a', '0x', '1e', '_', '1 0', true, undefined]) assert.equal(tryNumber(none), undefined)
  assert.deepEqual((read('[0x10, 1.5]') as unknown[]).map(tryNumber), [16, 1.5])
})
