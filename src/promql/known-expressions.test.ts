import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Feature } from '#core'
import { parseKnown } from './known-expressions.ts'
import { parse } from './parser.ts'
import { formatExpr } from './print.ts'

const NONE: ReadonlySet<Feature> = new Set()

test('a text that was parsed is not parsed again, and means the same', () => {
  const first = parseKnown('sum(up) by (job)', NONE)
  assert.equal(formatExpr(first), formatExpr(parse('sum(up) by (job)')))
  assert.equal(parseKnown('sum(up) by (job)', NONE), first)
})

test('other features, another meaning', () => {
  assert.throws(() => parseKnown('rate(up[5m] anchored)', NONE), { code: 'ASSAY_PROMQL_PARSE' })
  assert.ok(parseKnown('rate(up[5m] anchored)', new Set<Feature>(['promql-extended-range-selectors'])))
  assert.throws(() => parseKnown('rate(up[5m] anchored)', NONE), { code: 'ASSAY_PROMQL_PARSE' })
})

test('what was not asked for a long time is forgotten, what is asked stays', () => {
  const kept = parseKnown('kept', NONE)
  const left = parseKnown('left', NONE)
  for (let i = 0; i < 600; i++) {
    parseKnown(`some_${i}`, NONE)
    assert.equal(parseKnown('kept', NONE), kept)
  }
  assert.notEqual(parseKnown('left', NONE), left)
})
