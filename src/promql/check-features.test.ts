import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Feature } from '#core'
import { ALL_FEATURES, parseAll } from './features.test-support.ts'
import { EXPERIMENTAL_FUNCTIONS, FUNCTIONS } from './functions.ts'
import { parse } from './parser.ts'

const CASES: readonly { readonly given: string; readonly at: string; readonly says: string; readonly flag: Feature }[] =
  [
    {
      given: 'sum(mad_over_time(up[5m]))',
      at: '1:5',
      says: 'function "mad_over_time" is not enabled',
      flag: 'promql-experimental-functions',
    },
    {
      given: '1 + limitk(2, up)',
      at: '1:5',
      says: 'limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions',
      flag: 'promql-experimental-functions',
    },
    {
      given: 'rate(up[5m] anchored)',
      at: '1:6',
      says: 'anchored modifier is experimental and not enabled',
      flag: 'promql-extended-range-selectors',
    },
    {
      given: 'up smoothed',
      at: '1:1',
      says: 'smoothed modifier is experimental and not enabled',
      flag: 'promql-extended-range-selectors',
    },
    {
      given: 'a + fill(0) b',
      at: '1:1',
      says: 'binop fill modifiers are experimental and not enabled',
      flag: 'promql-binop-fill-modifiers',
    },
  ]

test('what is experimental is refused without its flag, and taken with it', () => {
  for (const { given, at, says, flag } of CASES) {
    assert.throws(
      () => parse(given),
      ({ message }: Error) => {
        assert.ok(message.startsWith(`${at}: ${says}; set`), message)
        assert.ok(message.includes(flag), message)
        return true
      },
    )
    assert.doesNotThrow(() => parse(given, new Set([flag])), given)
    const others = new Set([...ALL_FEATURES].filter((one) => one !== flag))
    assert.throws(() => parse(given, others), given)
  }
})

test('what is plain needs no flag, signs of an offset among it', () => {
  for (const text of [
    'rate(up[5m] offset -5m)',
    'up offset --5m',
    'up[300]',
    'max_over_time(up[1h:5m] @ end())',
    'a </ 1',
    'up[5m + 1m]',
    'up offset (step())',
    'first_over_time(up[5m])',
  ])
    assert.doesNotThrow(() => parse(text), text)
})

test('the experimental functions are functions, and all of them are refused by name', () => {
  for (const name of EXPERIMENTAL_FUNCTIONS) {
    assert.ok(FUNCTIONS.has(name), name)
    assert.throws(() => parse(`${name}()`), new RegExp(`function "${name}" is not enabled`))
    assert.throws(() => parseAll(`${name}(1, 2, 3, 4)`), new RegExp(name))
  }
})
