import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from './ask.ts'
import { compare, sameNumber, TOLERANCE } from './compare.ts'

const answer = (body: Partial<Answer['body']>, code = 200): Answer => ({ code, body: { status: 'success', ...body } })
const vector = (...values: readonly string[]) =>
  answer({
    data: {
      resultType: 'vector',
      result: values.map((value, i) => ({ metric: { i: String(i) }, value: [1, value] })),
    },
  })
const reversed = ({ body, code }: Answer): Answer =>
  answer({ data: { resultType: 'vector', result: body.data!.result.toReversed() } }, code)
const kinds = (a: Answer, b: Answer, options = {}) => compare(a, b, options).map(({ kind }) => kind)

test('equal answers have no difference, in any order of a vector', () => {
  assert.deepEqual(kinds(vector('1', 'NaN', '+Inf'), vector('1', 'NaN', '+Inf')), [])
  assert.deepEqual(kinds(vector('1', '2'), reversed(vector('1', '2'))), [])
})

test('order counts behind sort, but not that of equals', () => {
  assert.deepEqual(kinds(vector('1', '2'), reversed(vector('1', '2')), { ordered: true }), ['order'])
  assert.deepEqual(kinds(vector('1', '1'), reversed(vector('1', '1')), { ordered: true }), [])
})

test('each thing that can differ is named', () => {
  assert.deepEqual(kinds(vector('1'), vector('2')), ['value'])
  assert.deepEqual(kinds(vector('1'), vector('1', '2')), ['labels'])
  assert.deepEqual(kinds(vector('1'), answer({}, 422)), ['status'])
  assert.deepEqual(kinds(vector('1'), answer({ data: { resultType: 'matrix', result: [] } })), ['type'])
  const told = (infos: string[]) => answer({ data: { resultType: 'vector', result: [] }, infos, warnings: ['w'] })
  assert.deepEqual(kinds(told(['a']), told(['b'])), ['infos'])
  assert.deepEqual(kinds(told(['a']), vector()), ['warnings', 'infos'])
})

test('numbers agree to the last digits, zero and minus zero do not', () => {
  assert.ok(sameNumber('0.1', '0.10000000000000002', TOLERANCE))
  assert.ok(!sameNumber('0.1', '0.1000000001', TOLERANCE))
  assert.ok(!sameNumber('0', '-0', TOLERANCE))
  assert.ok(!sameNumber('NaN', '0', TOLERANCE))
  assert.ok(!sameNumber('+Inf', '1e308', TOLERANCE))
})
