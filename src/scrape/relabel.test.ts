import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels } from '#core'
import { checkRelabel, relabel } from './relabel.ts'
import { DEFAULT_RELABEL } from './scrape.test-support.ts'
import type { RelabelConfig } from './types.ts'

const step = (config: Partial<RelabelConfig>): RelabelConfig => ({ ...DEFAULT_RELABEL, ...config })
const GIVEN = { a: 'foo', b: 'bar', c: 'baz' }

const CASES: readonly {
  readonly why: string
  readonly given?: Record<string, string>
  readonly steps: readonly RelabelConfig[]
  readonly gives: Record<string, string> | undefined
}[] = [
  {
    why: 'groups are put into the replacement',
    steps: [step({ sourceLabels: ['a'], regex: 'f(.*)', targetLabel: 'd', replacement: `ch\${1}-ch\${1}` })],
    gives: { ...GIVEN, d: 'choo-choo' },
  },
  {
    why: 'the longest name counts: $1x is a group named 1x',
    steps: [step({ sourceLabels: ['a'], regex: 'f(.*)', targetLabel: 'd', replacement: 'x$1x' })],
    gives: { ...GIVEN, d: 'x' },
  },
  {
    why: 'named groups, and $$ for a dollar',
    steps: [step({ sourceLabels: ['a'], regex: '(?P<rest>.*)', targetLabel: 'd', replacement: `$$\${rest}` })],
    gives: { ...GIVEN, d: '$foo' },
  },
  {
    why: 'source labels are joined; each step sees the one before',
    steps: [
      step({ sourceLabels: ['a', 'b'], separator: '+', targetLabel: 'a' }),
      step({ sourceLabels: ['a'], targetLabel: 'd' }),
    ],
    gives: { ...GIVEN, a: 'foo+bar', d: 'foo+bar' },
  },
  {
    why: 'no match changes nothing: expressions are anchored',
    steps: [step({ sourceLabels: ['a'], regex: 'o', targetLabel: 'd', replacement: 'x' })],
    gives: GIVEN,
  },
  {
    why: 'an empty replacement removes the label',
    steps: [step({ sourceLabels: ['a'], regex: 'f(x?)oo', targetLabel: 'b', replacement: '$1' })],
    gives: { a: 'foo', c: 'baz' },
  },
  {
    why: 'the target may hold groups',
    steps: [step({ sourceLabels: ['a'], regex: '(f)oo', targetLabel: `\${1}_new`, replacement: 'x' })],
    gives: { ...GIVEN, f_new: 'x' },
  },
  {
    why: 'no source at all sets a constant',
    steps: [step({ targetLabel: 'd', replacement: 'x' })],
    gives: { ...GIVEN, d: 'x' },
  },
  {
    why: 'keep drops what does not match',
    steps: [step({ action: 'keep', sourceLabels: ['a'], regex: 'nope' })],
    gives: undefined,
  },
  { why: 'keep keeps what does', steps: [step({ action: 'keep', sourceLabels: ['a'], regex: 'f.*' })], gives: GIVEN },
  {
    why: 'drop drops what matches',
    steps: [step({ action: 'drop', sourceLabels: ['a'], regex: 'f|foo' })],
    gives: undefined,
  },
  {
    why: 'a missing label reads as empty',
    steps: [step({ action: 'drop', sourceLabels: ['nope'], regex: '' })],
    gives: undefined,
  },
  {
    why: 'keepequal',
    given: { a: 'x', b: 'x' },
    steps: [step({ action: 'keepequal', sourceLabels: ['a'], targetLabel: 'b' })],
    gives: { a: 'x', b: 'x' },
  },
  {
    why: 'keepequal of different ones',
    steps: [step({ action: 'keepequal', sourceLabels: ['a'], targetLabel: 'b' })],
    gives: undefined,
  },
  {
    why: 'dropequal',
    given: { a: 'x', b: 'x' },
    steps: [step({ action: 'dropequal', sourceLabels: ['a'], targetLabel: 'b' })],
    gives: undefined,
  },
  {
    why: 'hashmod cuts the shard that Prometheus cuts',
    steps: [step({ action: 'hashmod', sourceLabels: ['c'], modulus: 1000, targetLabel: 'd' })],
    gives: { ...GIVEN, d: '976' },
  },
  {
    why: 'labelmap copies',
    given: { a: 'foo', my_x: 'x1', my_y: 'x2' },
    steps: [step({ action: 'labelmap', regex: 'my_(.*)' })],
    gives: { a: 'foo', my_x: 'x1', my_y: 'x2', x: 'x1', y: 'x2' },
  },
  { why: 'labeldrop', steps: [step({ action: 'labeldrop', regex: '[ab]' })], gives: { c: 'baz' } },
  { why: 'labelkeep', steps: [step({ action: 'labelkeep', regex: '[ab]' })], gives: { a: 'foo', b: 'bar' } },
  {
    why: 'lowercase and uppercase',
    given: { a: 'FoO' },
    steps: [
      step({ action: 'lowercase', sourceLabels: ['a'], targetLabel: 'l' }),
      step({ action: 'uppercase', sourceLabels: ['a'], targetLabel: 'u' }),
    ],
    gives: { a: 'FoO', l: 'foo', u: 'FOO' },
  },
]

test('each action does what it does in Prometheus', () => {
  for (const { why, given = GIVEN, steps, gives } of CASES)
    assert.deepEqual(relabel(Labels.of(given), steps)?.toJSON(), gives, why)
})

test('a step that can do nothing is refused before it is needed', () => {
  assert.throws(() => checkRelabel([step({ action: 'hashmod', targetLabel: 'd' })]), /modulus/)
  assert.throws(() => checkRelabel([step({ action: 'lowercase' })]), /needs a target_label/)
  assert.throws(() => checkRelabel([step({ regex: '(', targetLabel: 'x' })]), { code: 'ASSAY_REGEX' })
})
