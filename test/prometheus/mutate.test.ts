import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FEATURES } from '#core'
import { type Expr, FUNCTIONS, formatExpr, parse, typeOf, walk } from '#promql'
import { sectionsOf } from './corpus.ts'
import { treeOf } from './expr-tree.ts'
import { Mutator, type Pool } from './mutate.ts'
import { scriptsIn } from './mutations.ts'
import { print, smaller } from './query-tree.ts'
import { Random } from './random.ts'

const ALL = new Set(FEATURES)
const EXPRESSIONS = [
  'sum by (job) (rate(http_requests_total{code="200"}[5m]))',
  'up == bool on (job) group_left (version) build_info',
  'max_over_time((a - -b)[10m:1m] offset 5m) > 2',
  'topk(3, {"queue.länge", a!~"x|y"} offset -1m)',
  'label_replace(a, "x", "$1", "y", "(.*)") and ignoring (x) (b @ 12 or c @ end())',
  'vector(scalar(a) ^ 2 + 1)',
  'quantile without (le) (0.9, -a)',
]
const parsed: readonly Expr[] = EXPRESSIONS.map((text) => parse(text, ALL))
const POOL: Pool = {
  expressions: parsed,
  metrics: ['a', 'b', 'queue.länge'],
  labels: new Map([
    ['job', ['x', 'y']],
    ['le', ['1', '+Inf']],
  ]),
  base: 1_600_000_000_000,
  spanMs: 600_000,
}
const ALLOWED = { functions: new Set(FUNCTIONS.keys()), experimental: true }

/** Without the parentheses that a tree puts around operands. */
function bare(expr: Expr): string {
  const kinds = [...walk(expr)].filter(({ kind }) => kind !== 'paren').map(({ kind }) => kind)
  return `${kinds.join()} ${formatExpr(expr).replace(/[() ]/g, '')}`
}

test('the tree of an expression reads back as the expression', () => {
  for (const expr of parsed) assert.equal(bare(parse(print(treeOf(expr)), ALL)), bare(expr))
})

test('a tree gets smaller, down to its selector and without its modifiers', () => {
  const texts = smaller(treeOf(parsed[0]!)).map(print)
  assert.ok(texts.includes('sum(rate(http_requests_total{code="200",}[5m]))'), texts.join('\n'))
  assert.ok(texts.includes('sum by (job,) (rate(http_requests_total{}[5m]))'), texts.join('\n'))
  assert.ok(texts.includes('rate(http_requests_total{code="200",}[5m])'), texts.join('\n'))
})

test('a changed expression is PromQL of the same type, and seldom the same', () => {
  const mutator = new Mutator(new Random(1), POOL, ALLOWED)
  const known = new Set(parsed.map((expr) => print(treeOf(expr))))
  let changed = 0
  let read = 0
  for (let i = 0; i < 2000; i++) {
    const expr = mutator.expression()
    const text = print(treeOf(expr))
    if (!known.has(text)) changed++
    try {
      assert.equal(typeOf(parse(text, ALL)), typeOf(expr))
      read++
    } catch (error) {
      // A selector that any series fits, a label that is grouped by twice: what the language refuses is asked too.
      assert.match(String(error), /ParseError/)
    }
  }
  assert.ok(changed > 1800, `${changed} changed`)
  assert.ok(read > 1700, `${read} are PromQL`)
})

test('a seed always makes the same changes', () => {
  const texts = (seed: number) => {
    const mutator = new Mutator(new Random(seed), POOL, ALLOWED)
    return Array.from({ length: 50 }, () => print(treeOf(mutator.expression())))
  }
  assert.deepEqual(texts(7), texts(7))
  assert.notDeepEqual(texts(7), texts(8))
})

test('the sections of scripts lie apart in time, each with all that it loads', () => {
  const sections = sectionsOf(scriptsIn([fileURLToPath(new URL('../../src/promql/testdata', import.meta.url))]))
  assert.ok(sections.length > 20)
  for (const [i, { base, spanMs, series, cases }] of sections.entries()) {
    assert.ok(series.length > 0 && cases.length > 0)
    assert.equal(base % 86_400_000, 0)
    const next = sections[i + 1]
    if (next !== undefined) assert.ok(base + spanMs + 86_400_000 <= next.base)
    for (const { timestamps } of series)
      assert.ok(timestamps.every((at) => at >= base && at <= base + spanMs && (timestamps.length === 1 || at > 0)))
  }
})
