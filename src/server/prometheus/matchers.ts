/** The `match[]` parameters, as matchers; and label names as `U__` spells them. */
import { type Matcher, messageOf } from '#core'
import { parseSelector } from '#promql'
import { ApiError } from '../http/api-error.ts'

export type Refuse = (message: string, cause?: unknown) => ApiError

/**
 * One list of matchers for each selector. Throws for one that is none, and for one that matches everything. Prometheus names the
 * parameter for `series` alone: `refuse` words it.
 */
export function parseMatchers(selectors: readonly string[], refuse: Refuse = plain): readonly (readonly Matcher[])[] {
  return selectors.map((text) => {
    const matchers = parseOne(text, refuse)
    if (matchers.every((one) => one.test(''))) throw refuse('match[] must contain at least one non-empty matcher')
    return matchers
  })
}

/** Those of one selector. */
export function parseOne(text: string, refuse: Refuse): readonly Matcher[] {
  try {
    return parseSelector(text)
  } catch (cause) {
    throw refuse(messageOf(cause), cause)
  }
}

function plain(message: string, cause?: unknown): ApiError {
  return new ApiError('bad_data', message, { cause })
}

/**
 * A label name from a path. Names beyond `[a-zA-Z_][a-zA-Z0-9_]*` travel as `U__`, with `_xx_` (hexadecimal) for each
 * other character and `__` for an underscore: Prometheus' "values" escaping. What is not well-formed is taken as it is.
 */
export function unescapeName(name: string): string {
  if (!name.startsWith('U__')) return name
  let text = ''
  for (let i = 3; i < name.length; ) {
    if (name[i] !== '_') text += name[i++]
    else if (name[i + 1] === '_') {
      text += '_'
      i += 2
    } else {
      const code = /^_([0-9a-fA-F]{1,6})_/.exec(name.slice(i, i + 8))
      const point = code === null ? Number.NaN : Number.parseInt(code[1]!, 16)
      if (code === null || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return name
      text += String.fromCodePoint(point)
      i += code[0].length
    }
  }
  return text
}
