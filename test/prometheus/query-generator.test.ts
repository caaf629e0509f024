import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from '#promql'
import { checkLaws } from '../../src/promql/parser-laws.test-support.ts'
import { textOf } from './ask.ts'
import { CALLS } from './functions.ts'
import { QueryGenerator } from './query-generator.ts'
import { NOTHING, node, print, smaller } from './query-tree.ts'
import { Random } from './random.ts'

const FEATURES = new Set(['promql-experimental-functions'])
const questions = (seed: number, count: number) => {
  const generator = new QueryGenerator(new Random(seed), FEATURES)
  return Array.from({ length: count }, () => generator.question())
}

test('a seed always makes the same questions', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => assert.deepEqual(questions(seed, 5), questions(seed, 5))),
    { numRuns: 20 },
  )
})

test('every function is asked for, and most questions are PromQL', () => {
  const texts = questions(1, 4000).map(textOf)
  for (const { name } of CALLS)
    assert.ok(
      texts.some((text) => text.includes(`${name}(`)),
      name,
    )
  const parsed = texts.filter((text) => {
    try {
      return parse(text) !== undefined
    } catch {
      return false
    }
  })
  assert.ok(parsed.length > 3000, `${parsed.length} of 4000`)
})

test('the laws of the parser hold of every question, and of every part of it', () => {
  const features = new Set(['promql-experimental-functions', 'promql-duration-expr'])
  const generator = new QueryGenerator(new Random(2), features)
  let read = 0
  for (let i = 0; i < 1500; i++) {
    const { tree } = generator.question()
    for (const text of new Set([tree, ...smaller(tree)].map(print))) if (checkLaws(text)) read++
  }
  assert.ok(read > 5000, `${read} are PromQL`)
})

test('making a tree smaller ends, with what can not be left out', () => {
  let tree = node(
    'vector',
    'sum(',
    node('vector', 'abs(', node('vector', 'up', node('option', ' offset 1m')), ')'),
    ')',
  )
  const steps = [print(tree)]
  for (;;) {
    const next = smaller(tree).find((one) => print(one).includes('up'))
    if (next === undefined) break
    tree = next
    steps.push(print(tree))
  }
  assert.equal(steps.at(-1), 'up')
  assert.ok(
    steps.every((step, i) => i === 0 || step.length < steps[i - 1]!.length),
    steps.join(' > '),
  )
  assert.deepEqual(smaller(NOTHING), [])
})
