/**
 * Places in an expression, and the errors that name them.
 *
 * - A span is a pair of offsets into the source text, `end` exclusive, in UTF-16 units.
 * - Every message reads `line:col: what is wrong; what to write instead`, lines and columns counted from 1, columns in
 *   bytes of UTF-8, as Prometheus counts them.
 */
import { AssayError } from '#core'

export type Span = { readonly start: number; readonly end: number }
export type Place = { readonly line: number; readonly column: number }

export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: Buffer.byteLength(before.slice(lineStart)) + 1 }
}

/** `1:7`, as annotations and errors show it. */
export function formatPlace(text: string, offset: number): string {
  const { line, column } = placeOf(text, offset)
  return `${line}:${column}`
}

/** What of a text is quoted in an error: all of it, unless it is very long. */
export function shown(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN).toWellFormed()}...`
}

const MAX_SHOWN = 200

/** The text is not PromQL, or its types do not fit. Trying again does not help. */
export class ParseError extends AssayError<'ASSAY_PROMQL_PARSE'> {
  readonly span: Span
  readonly place: Place

  constructor(text: string, span: Span, what: string) {
    super('ASSAY_PROMQL_PARSE', `${formatPlace(text, span.start)}: ${what}`)
    this.span = span
    this.place = placeOf(text, span.start)
  }
}

/** `ASSAY_PROMQL_EVAL`: the data forbids it; `_LIMIT`: too much of it; `_UNSUPPORTED`: this engine cannot do it yet. */
export type QueryErrorCode = 'ASSAY_PROMQL_EVAL' | 'ASSAY_PROMQL_LIMIT' | 'ASSAY_PROMQL_UNSUPPORTED'

/** The expression is PromQL, but this evaluation of it has no answer. */
export class QueryError extends AssayError<QueryErrorCode> {
  readonly span: Span

  constructor(code: QueryErrorCode, text: string, span: Span, what: string) {
    super(code, `${formatPlace(text, span.start)}: ${what}`)
    this.span = span
  }
}
