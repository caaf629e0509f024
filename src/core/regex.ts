/**
 * RE2 expressions as Prometheus takes them, fully anchored, run by JavaScript's engine.
 *
 * - RE2 is linear in its input, V8's default engine is not: `(a+)+b` on 30 letters takes a minute. V8 has a linear
 *   engine to fall back on when an expression backtracks too much, but not for every expression, and not in `u` mode. So
 *   it is turned on here and asked what it takes; everything else runs on ours (`linear-regex.ts`), which is slower.
 * - What the two spell differently is translated (`re2.ts`); what JavaScript cannot do, and what RE2 refuses, is refused.
 * - Literals, alternations of literals and plain prefixes run without an engine.
 */
import { setFlagsFromString } from 'node:v8'
import { AssayError } from './error.ts'
import { expandGroups } from './expand-groups.ts'
import { LinearRegex } from './linear-regex.ts'
import { translateRe2 } from './re2.ts'
import { type RegexTree, regexTree } from './regex-tree.ts'

// The same answers, sooner: no result in the process depends on it.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
// Lets the flag `l` ask whether an expression can be run in linear time.
setFlagsFromString('--enable-experimental-regexp-engine')

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
  const runs = runnerOf(source)
  return (value) => runs.test(value)
}

/** The groups a whole string is matched with, or `null`. Throws `ASSAY_REGEX`. */
export function compileGroups(source: string): (value: string) => RegExpExecArray | null {
  const runs = runnerOf(source)
  return (value) => runs.exec(value)
}

/**
 * Replaces every match anywhere in a text, in linear time a match, as Go's `ReplaceAllString` does; `$1`, `${name}` and `$$` in
 * the replacement have its meaning. `.` does not match newlines. Throws `ASSAY_REGEX`.
 */
export function replaceAllRegex(source: string, text: string, replacement: string): string {
  const regex = searchOf(source)
  let result = ''
  let end = 0
  const groupOf = (places: Int32Array) => (group: number | string) => {
    const number = typeof group === 'number' ? group : (regex.names.get(group) ?? -1)
    // Beyond the last group there is no place, and one that took no part is at -1.
    return (places[2 * number] ?? -1) < 0 ? undefined : text.slice(places[2 * number], places[2 * number + 1])
  }
  for (let from = 0; from <= text.length; ) {
    const places = regex.find(text, from)
    if (places === undefined) break
    const [first = 0, last = 0] = places
    result += text.slice(end, first)
    // Nothing that is matched right behind a match is no other match.
    if (last > end || first === 0) result += expandGroups(replacement, groupOf(places))
    end = last
    from = last > from ? last : from + (text.codePointAt(from)! > 0xffff ? 2 : 1)
  }
  return result + text.slice(end)
}

/** Whether an expression matches anywhere in a text. `.` does not match newlines. Throws `ASSAY_REGEX`. */
export function searchRegex(source: string, text: string): boolean {
  return searchOf(source).find(text, 0) !== undefined
}

function searchOf(source: string): LinearRegex {
  const unanchored = `(?-s:${source})`
  return new LinearRegex(treeOf(source, translated(unanchored)))
}

const ABOVE_BMP = /[\ud800-\udfff]/
const NEEDS_UNICODE = /\\[pPu]|[\ud800-\udfff]/
/** Quoted in an error: the rest of a long expression says no more. */
const MAX_SHOWN = 200

type Runner = {
  readonly test: (value: string) => boolean
  readonly exec: (value: string) => RegExpExecArray | null
}

/** V8 where it is linear, ours for the rest: texts that need `u` mode, and what V8 gives up on. */
function runnerOf(source: string): Runner {
  const body = translated(source)
  const tree = treeOf(source, body)
  let own: LinearRegex | undefined
  const ours = () => (own ??= new LinearRegex(tree))
  const fast = fastRegex(body, tree)
  if (fast === undefined) return { test: (value) => ours().test(value), exec: (value) => ours().exec(value) }
  const run = <T>(value: string, native: (regex: RegExp) => T, linear: (regex: LinearRegex) => T): T => {
    if (ABOVE_BMP.test(value)) return linear(ours())
    try {
      return native(fast)
    } catch {
      // Its stack or its code would grow beyond V8's own bounds.
      return linear(ours())
    }
  }
  return {
    test: (value) =>
      run(
        value,
        (regex) => regex.test(value),
        (regex) => regex.test(value),
      ),
    exec: (value) =>
      tree.repeatsGroups
        ? ours().exec(value)
        : run(
            value,
            (regex) => regex.exec(value),
            (regex) => regex.exec(value),
          ),
  }
}

/** The expression for texts without surrogates, when V8 can run it in linear time. */
function fastRegex(body: string, { choices }: RegexTree): RegExp | undefined {
  if (NEEDS_UNICODE.test(body)) return undefined
  const anchored = `^(?:${body})$`
  // With one choice at most there is little to go back to. Case folds differently without `u` mode.
  if (choices <= 1 && !/\(\?[ms]*i/.test(body)) return new RegExp(anchored, 's')
  try {
    new RegExp(anchored, 'sl')
    return new RegExp(anchored, 's')
  } catch {
    return undefined
  }
}

/** The anchored JavaScript expression for an RE2 source; `.` matches newlines too. Throws `ASSAY_REGEX`. */
export function toRegExp(source: string): RegExp {
  const body = translated(source)
  treeOf(source, body)
  return new RegExp(`^(?:${body})$`, 'su')
}

/** In JavaScript's syntax, and checked by it. */
function translated(source: string): string {
  try {
    const body = translateRe2(source)
    new RegExp(body, 'su')
    return body
  } catch (cause) {
    throw refused(source, cause)
  }
}

function treeOf(source: string, body: string): RegexTree {
  try {
    return regexTree(body)
  } catch (cause) {
    throw refused(source, cause)
  }
}

function refused(source: string, cause: unknown): AssayError {
  const shown = source.length > MAX_SHOWN ? `${source.slice(0, MAX_SHOWN).toWellFormed()}...` : source
  return new AssayError('ASSAY_REGEX', `not a regular expression (RE2): ${JSON.stringify(shown)}`, { cause })
}
