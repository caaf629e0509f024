/**
 * Label matchers: `=`, `!=`, `=~`, `!~`. A missing label matches as ''. Expressions are anchored at both ends.
 */
import type { Labels } from './labels.ts'
import { compileRegex } from './regex.ts'

export const MATCH_OPS = ['=', '!=', '=~', '!~'] as const
export type MatchOp = (typeof MATCH_OPS)[number]

export type Matcher = {
  readonly name: string
  readonly op: MatchOp
  readonly value: string
  /** Whether a label's value satisfies this matcher; '' stands for an absent label. */
  readonly test: (value: string) => boolean
}

/** Throws `ASSAY_REGEX` when the expression is not one. */
export function matcher(name: string, op: MatchOp, value: string): Matcher {
  return { name, op, value, test: testOf(op, value) }
}

export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((one) => one.test(labels.get(one.name)))
}

function testOf(op: MatchOp, expected: string): (value: string) => boolean {
  switch (op) {
    case '=':
      return (value) => value === expected
    case '!=':
      return (value) => value !== expected
    case '=~':
      return compileRegex(expected)
    case '!~': {
      const matches = compileRegex(expected)
      return (value) => !matches(value)
    }
    default:
      return op satisfies never
  }
}
