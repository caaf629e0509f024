/**
 * RE2 expressions as Prometheus takes them, fully anchored, run by JavaScript's engine.
 *
 * - RE2 is linear in its input, V8's default engine is not: `(a+)+b` on 30 letters takes a minute. V8 has a linear
 *   engine to fall back on when an expression backtracks too much, for expressions without `u` mode. So it is turned on
 *   here, and `u` mode kept for what needs it: texts with characters above U+FFFF, and expressions that name such.
 * - What the two spell differently is translated (`re2.ts`); what JavaScript cannot do, and what RE2 refuses, is refused.
 * - Literals, alternations of literals and plain prefixes run without an engine.
 */
import { setFlagsFromString } from 'node:v8'
import { AssayError } from './error.ts'
import { translateRe2 } from './re2.ts'

// The same answers, sooner: no result in the process depends on it.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')

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
  const regexFor = matcherFor(source)
  return (value) => regexFor(value).test(value)
}

/** The groups a whole string is matched with, or `null`. Throws `ASSAY_REGEX`. */
export function compileGroups(source: string): (value: string) => RegExpExecArray | null {
  const regexFor = matcherFor(source)
  return (value) => regexFor(value).exec(value)
}

const ABOVE_BMP = /[\ud800-\udfff]/
const NEEDS_UNICODE = /\\[pPu]|[^\x00-\x7f]/

/** Which expression to run on a value: both mean the same to texts without surrogates. */
function matcherFor(source: string): (value: string) => RegExp {
  const exact = toRegExp(source)
  const body = translateRe2(source)
  if (NEEDS_UNICODE.test(body)) return () => exact
  const linear = new RegExp(`^(?:${body})$`, 's')
  return (value) => (ABOVE_BMP.test(value) ? exact : linear)
}

/** The anchored JavaScript expression for an RE2 source; `.` matches newlines too. Throws `ASSAY_REGEX`. */
export function toRegExp(source: string): RegExp {
  try {
    return new RegExp(`^(?:${translateRe2(source)})$`, 'su')
  } catch (cause) {
    throw new AssayError('ASSAY_REGEX', `not a regular expression (RE2): ${JSON.stringify(source)}`, { cause })
  }
}
