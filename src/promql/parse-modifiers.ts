/**
 * What may stand between a binary operator and its right side: `bool`, matching, grouping, filling.
 */
import { type Binary, type BinaryOp, isComparison, isSetOp, type Matching } from './ast.ts'
import { labelList } from './parse-selector.ts'
import type { Span } from './position.ts'
import type { TokenReader } from './token-reader.ts'

/** `bool`, `on (...)`, `ignoring (...)`, `group_left (...)`, `fill (...)` behind an operator. */
export function operatorModifiers(tokens: TokenReader, op: BinaryOp, opSpan: Span): Pick<Binary, 'bool' | 'matching'> {
  let bool = false
  if (tokens.isWord('bool') && tokens.startsOperand(1)) {
    tokens.next()
    bool = true
    if (!isComparison(op))
      throw tokens.error(opSpan, `bool can only follow a comparison; remove it, or write == bool for ${op}`)
  }
  let on = false
  let labels: readonly string[] = []
  let card: Matching['card'] = isSetOp(op) ? 'many-to-many' : 'one-to-one'
  let include: readonly string[] = []
  let explicit = false
  if ((tokens.isWord('on') || tokens.isWord('ignoring')) && tokens.isPunct('(', 1)) {
    explicit = true
    on = tokens.isWord('on')
    tokens.next()
    labels = labelList(tokens)
    if (tokens.isWord('group_left') || tokens.isWord('group_right')) {
      const word = tokens.next()
      if (isSetOp(op))
        throw tokens.error(word.span, `no grouping allowed for ${op}; remove ${tokens.textOf(word.span)}`)
      card = tokens.textOf(word.span).toLowerCase() === 'group_left' ? 'many-to-one' : 'one-to-many'
      if (tokens.isPunct('(')) include = labelList(tokens)
      const twice = on ? include.find((label) => labels.includes(label)) : undefined
      if (twice !== undefined)
        throw tokens.error(
          word.span,
          `label ${JSON.stringify(twice)} must not occur in ON and GROUP clause at once; remove it from one of them`,
        )
    }
  }
  const fill = fills(tokens, op)
  const matching: Matching = { card, on, labels, include, ...fill }
  return { bool, ...(explicit || Object.keys(fill).length > 0 ? { matching } : {}) }
}

function fills(tokens: TokenReader, op: BinaryOp): Pick<Matching, 'fillLeft' | 'fillRight'> {
  let fill: Pick<Matching, 'fillLeft' | 'fillRight'> = {}
  for (;;) {
    const word = tokens.peek
    const name = word.type === 'word' ? word.text.toLowerCase() : ''
    if ((name !== 'fill' && name !== 'fill_left' && name !== 'fill_right') || !tokens.isPunct('(', 1)) return fill
    if (isSetOp(op)) throw tokens.error(word.span, `${name} cannot be used with ${op}; remove it`)
    tokens.next()
    tokens.expect('(')
    const value = tokens.signedNumber()
    tokens.expect(')')
    if (name === 'fill') fill = { fillLeft: value, fillRight: value }
    else fill = { ...fill, [name === 'fill_left' ? 'fillLeft' : 'fillRight']: value }
  }
}
