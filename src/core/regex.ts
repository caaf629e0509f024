/**
 * RE2 expressions as Prometheus takes them, fully anchored, run by JavaScript's engine.
 *
 * - What the two spell differently is translated (`re2.ts`); what JavaScript cannot do, and what RE2 refuses, is refused.
 * - Literals, alternations of literals and plain prefixes run without an engine.
 */
import { AssayError } from './error.ts'
import { translateRe2 } from './re2.ts'

const LITERALS = /^[\w\-/:, ]*(\|[\w\-/:, ]*)*$/
const PREFIX = /^([\w\-/:, ]*)\.([*+])$/

/** A test for whole strings. Throws `ASSAY_REGEX`. */
export function compileRegex(source: string): (value: string) => boolean {
  if (LITERALS.test(source)) {
    const literals = new Set(source.split('|'))
    return (value) => literals.has(value)
  }
  const prefix = PREFIX.exec(source)
  if (prefix !== null) {
    const start = prefix[1]!
    const least = start.length + (prefix[2] === '+' ? 1 : 0)
    return (value) => value.length >= least && value.startsWith(start)
  }
  const regex = toRegExp(source)
  return (value) => regex.test(value)
}

/** The anchored JavaScript expression for an RE2 source; `.` matches newlines too. Throws `ASSAY_REGEX`. */
export function toRegExp(source: string): RegExp {
  try {
    return new RegExp(`^(?:${translateRe2(source)})$`, 'su')
  } catch (cause) {
    throw new AssayError('ASSAY_REGEX', `not a regular expression (RE2): ${JSON.stringify(source)}`, { cause })
  }
}
