import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels } from '#core'
import { hashFraction } from './label-hash.ts'

test('a ratio takes about that share of the series', () => {
  let below = 0
  for (let i = 0; i < 10_000; i++) if (hashFraction(Labels.of({ __name__: 'up', instance: `host-${i}` })) < 0.3) below++
  assert.ok(Math.abs(below / 10_000 - 0.3) < 0.02, `${below}`)
})
