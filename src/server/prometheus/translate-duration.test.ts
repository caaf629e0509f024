import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FEATURES } from '#core'
import { parse } from '#promql'
import { translateAst } from './translate-ast.ts'

const treeOf = (text: string) => translateAst(parse(text, new Set(FEATURES)), text)
const number = (val: string, duration = true) => ({ type: 'numberLiteral', val, duration })
const computed = (op: string, lhs: unknown = null, rhs: unknown = null, wrapped = false) => ({
  type: 'durationExpr',
  op,
  lhs,
  rhs,
  wrapped,
})

const CASES: readonly {
  readonly text: string
  readonly why: string
  readonly has: Readonly<Record<string, unknown>>
}[] = [
  { text: 'm[5m]', why: 'a plain length has no expression', has: { range: 300_000, rangeExpr: null } },
  { text: 'm[300]', why: 'nor have seconds', has: { range: 300_000, rangeExpr: null } },
  { text: 'm[(5m)]', why: 'nor one in parentheses', has: { range: 300_000, rangeExpr: null } },
  { text: 'm offset -5m', why: 'nor one with a sign', has: { offset: -300_000, offsetExpr: null } },
  { text: 'm', why: 'none is none', has: { offset: 0, offsetExpr: null } },
  { text: 'm[1.001]', why: 'fractions are whole milliseconds', has: { range: 1001 } },
  {
    text: 'm[5m * 2]',
    why: 'what is computed is not known yet',
    has: { range: 0, rangeExpr: computed('*', number('300'), number('2', false)) },
  },
  {
    text: 'm[(step() + 1h) / 2]',
    why: 'parentheses belong to what stands in them',
    has: { rangeExpr: computed('/', computed('+', computed('step'), number('3600'), true), number('2', false)) },
  },
  {
    text: 'm offset -(range() ^ 2)',
    why: 'a sign has a right side alone',
    has: { offsetExpr: computed('-', null, computed('^', computed('range'), number('2', false), true)) },
  },
  {
    text: 'm[max_of(5m, step()):min_of(1m, 30)]',
    why: 'subqueries have two',
    has: {
      rangeExpr: computed('max_of', number('300'), computed('step')),
      step: 0,
      stepExpr: computed('min_of', number('60'), number('30', false)),
    },
  },
  { text: 'm[1h:]', why: 'a step that is left out is none', has: { step: 0, stepExpr: null } },
]

for (const { text, why, has } of CASES)
  test(`the tree of ${text}: ${why}`, () => {
    const tree = treeOf(text)
    assert.deepEqual(Object.fromEntries(Object.keys(has).map((name) => [name, tree[name]])), has)
  })
