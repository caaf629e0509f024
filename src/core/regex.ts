/**
 * RE2 expressions as Prometheus takes them, fully anchored, run by JavaScript's engine.
 *
 * What the two spell differently is translated (`(?i)`, `(?P<name>`, `\z`, POSIX classes); what JavaScript lacks is refused.
 */
import { AssayError } from './error.ts'

/** A test for whole strings. Literals and alternations of literals run without an engine. Throws `ASSAY_REGEX`. */
export function compileRegex(source: string): (value: string) => boolean {
  if (/^[\w\-/:, ]*(\|[\w\-/:, ]*)*$/.test(source)) {
    const literals = new Set(source.split('|'))
    return (value) => literals.has(value)
  }
  if (source === '.*') return () => true
  if (source === '.+') return (value) => value !== ''
  const regex = toRegExp(source)
  return (value) => regex.test(value)
}

/** The anchored JavaScript expression for an RE2 source; `.` matches newlines too. Throws `ASSAY_REGEX`. */
export function toRegExp(source: string): RegExp {
  let flags = 's'
  let body = source
  const leading = /^\(\?([imsU]+)\)/.exec(body)
  if (leading !== null) {
    body = body.slice(leading[0].length)
    if (leading[1]!.includes('i')) flags += 'i'
    if (leading[1]!.includes('m')) flags += 'm'
  }
  body = body
    .replaceAll('(?P<', '(?<')
    .replace(/\\z/g, '$')
    .replace(/\\A/g, '^')
    .replace(/\[\[:(\^?)(\w+):\]\]/g, (_, not: string, name: string) => `[${not}${POSIX[name] ?? ''}]`)
    .replace(/\[:(\w+):\]/g, (_, name: string) => POSIX[name] ?? '')
  try {
    if (/\(\?<?[=!]/.test(body) || /\\[1-9]/.test(body))
      throw new SyntaxError('look-around and back-references are not part of RE2')
    return new RegExp(`^(?:${body})$`, `${flags}u`)
  } catch (first) {
    try {
      // RE2 allows to escape any punctuation, JavaScript's `u` mode does not: try again without it.
      if (/\\[1-9]/.test(body) || /\(\?<?[=!]/.test(body)) throw first
      return new RegExp(`^(?:${body})$`, flags)
    } catch (cause) {
      throw new AssayError('ASSAY_REGEX', `not a regular expression (RE2): ${JSON.stringify(source)}`, { cause })
    }
  }
}

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\t\\n\\v\\f\\r ',
  xdigit: '0-9A-Fa-f',
  word: '\\w',
  punct: '!-\\/:-@\\[-`{-~',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  graph: '!-~',
  print: ' -~',
  ascii: '\\x00-\\x7F',
}
