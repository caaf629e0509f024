import assert from 'node:assert/strict'
import { test } from 'node:test'
import { edgeMood, edgeWidth, edgeWords } from './edge-words.ts'

/** With plain spaces, so that the words can be read. */
const words = (given: Parameters<typeof edgeWords>[0]) => edgeWords(given).map((word) => word.replaceAll('\u00a0', ' '))
const edge = (rate: number | null, errors: number | null, channel: string | null = null) => ({
  from: 'a',
  to: 'b',
  rate,
  errors,
  channel,
  measured: true,
})

test('an edge says its channel, its rate, and its errors when there are some', () => {
  assert.deepEqual(words(edge(118, 0.009, 'open')), ['open', '118 /s', '0.9 % err'])
  assert.deepEqual(words(edge(26, 0)), ['26 /s'])
})

test('an edge without data says so, and is never drawn as calm', () => {
  assert.deepEqual(words(edge(null, 0.3)), ['no data'])
  assert.equal(edgeMood(edge(null, 0)), 'blind')
})

test('an edge that fails asks to be looked at', () => {
  assert.equal(edgeMood(edge(10, 0.05)), 'look')
  assert.equal(edgeMood(edge(10, null)), 'calm')
})

test('more traffic is never a thinner line', () => {
  const rates = [0, 0.1, 1, 10, 100, 1e6]
  const widths = rates.map((rate) => edgeWidth(edge(rate, null)))
  assert.deepEqual(
    widths,
    widths.toSorted((a, b) => a - b),
  )
})

test('an edge whose traffic is not measured says nothing of it, and is not blind', () => {
  const tied = { ...edge(null, null), measured: false }
  assert.deepEqual(edgeWords(tied), [])
  assert.equal(edgeMood(tied), 'calm')
})
