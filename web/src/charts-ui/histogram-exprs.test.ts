import assert from 'node:assert/strict'
import { test } from 'node:test'
import { questionOf, rateOf } from './histogram-exprs.ts'

test('a comment at the end of a question swallows nothing of what is put around it', () => {
  const { expr } = questionOf('average', 'x # why', 'seconds')
  assert.equal(expr, 'histogram_avg((x # why\n))')
})

test('the count of a rate is per second, any other is a number; quantiles have the unit of what was observed', () => {
  assert.equal(questionOf('count', 'rate(x[1m])', 'seconds').unit, 'per_second')
  assert.equal(questionOf('count', 'x', 'seconds').unit, 'count')
  assert.equal(questionOf('quantiles', 'x', 'bytes').unit, 'bytes')
})

test('the three quantiles are one question, told apart by a label', () => {
  const { expr } = questionOf('quantiles', 'x', 'seconds')
  assert.equal(expr.split(' or ').length, 3)
  assert.match(expr, /histogram_quantile\(0\.99, \(x\n\)\), "quantile", "p99"/)
})

test('a rate is proposed for a bare selector alone', () => {
  assert.equal(rateOf('x'), 'rate(x[1m])')
  assert.equal(rateOf(' x{a="}"} '), 'rate(x{a="}"}[1m])')
  assert.equal(rateOf('{"x y"}'), 'rate({"x y"}[1m])')
  for (const other of ['', 'x + y', 'x offset 5m', 'sum(x)', 'x[5m]', 'x{', 'x # y'])
    assert.equal(rateOf(other), undefined, other)
})
