/**
 * What may stand between a binary operator and its right side: `bool`, matching, grouping, filling.
 */
import { type Binary, type BinaryOp, isComparison, isSetOp, type Matching } from './ast.ts'
import { labelList } from './parse-selector.ts'
import type { Span } from './position.ts'
import { quote } from './strings.ts'
import type { TokenReader } from './token-reader.ts'

/** `bool`, `on (...)`, `ignoring (...)`, `group_left (...)`, `fill (...)` behind an operator. */
export function operatorModifiers(tokens: TokenReader, op: BinaryOp, opSpan: Span): Pick<Binary, 'bool' | 'matching'> {
  let bool = false
  if (tokens.isWord('bool') && tokens.startsOperand(1)) {
    tokens.next()
    bool = true
    if (!isComparison(op))
      throw tokens.error(
        opSpan,
        `bool modifier can only be used on comparison operators; remove it, or write == bool for ${op}`,
      )
  }
  let on = false
  let labels: readonly string[] = []
  let card: Matching['card'] = isSetOp(op) ? 'many-to-many' : 'one-to-one'
  let include: readonly string[] = []
  let explicit = false
  if (tokens.isWord('on') || tokens.isWord('ignoring')) {
    explicit = true
    on = tokens.isWord('on')
    tokens.next()
    labels = labelList(tokens)
    if (tokens.isWord('group_left') || tokens.isWord('group_right')) {
      const word = tokens.next()
      card = tokens.textOf(word.span).toLowerCase() === 'group_left' ? 'many-to-one' : 'one-to-many'
      if (tokens.isPunct('(')) include = labelList(tokens)
      const twice = on ? include.find((label) => labels.includes(label)) : undefined
      if (twice !== undefined)
        throw tokens.error(
          opSpan,
          `label ${quote(twice)} must not occur in ON and GROUP clause at once; remove it from one of them`,
        )
    }
  }
  const fill = fills(tokens)
  const matching: Matching = { card, on, labels, include, ...fill }
  return { bool, ...(explicit || Object.keys(fill).length > 0 ? { matching } : {}) }
}

const SIDES = {
  fill: ['fillLeft', 'fillRight'],
  fill_left: ['fillLeft'],
  fill_right: ['fillRight'],
} as const

function fills(tokens: TokenReader): Pick<Matching, 'fillLeft' | 'fillRight'> {
  const fill: { fillLeft?: number; fillRight?: number } = {}
  for (;;) {
    const word = tokens.peek
    const name = word.type === 'word' ? word.text.toLowerCase() : ''
    if ((name !== 'fill' && name !== 'fill_left' && name !== 'fill_right') || !tokens.isPunct('(', 1)) return fill
    const sides = SIDES[name]
    if (sides.some((side) => fill[side] !== undefined))
      throw tokens.error(word.span, `${name} may not follow another fill of the same side; keep one of them`)
    tokens.next()
    tokens.expect('(')
    const value = tokens.signedNumber()
    tokens.expect(')')
    for (const side of sides) fill[side] = value
  }
}
