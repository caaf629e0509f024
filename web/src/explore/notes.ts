/**
 * What the engine says of a question, each with its place in it: errors begin with `1:7:`, warnings and infos end with `(1:7)`.
 *
 * - A place counts lines and columns from 1, columns in bytes of UTF-8, as Prometheus counts; an editor counts UTF-16 units.
 * - The engine names where a thing begins; underlined is the word, number, text or sign that stands there.
 * - A note is text, and stays text.
 */

export type NoteKind = 'error' | 'warning' | 'info'
export type Place = { readonly line: number; readonly column: number }
export type Note = {
  readonly kind: NoteKind
  /** Without its place, and without the prefix that its kind already says. */
  readonly text: string
  readonly place: Place | undefined
}

export function parseNote(kind: NoteKind, message: string): Note {
  const bare = message
    .replace(/^invalid parameter "query": /, '')
    .replace(/^PromQL (?:info|warning): /, '')
    .trim()
  const ahead = /^(\d{1,6}):(\d{1,6}): /.exec(bare)
  if (ahead !== null) return { kind, text: bare.slice(ahead[0].length), place: placeOf(ahead[1], ahead[2]) }
  const behind = / \((\d{1,6}):(\d{1,6})\)$/.exec(bare)
  if (behind !== null) return { kind, text: bare.slice(0, behind.index), place: placeOf(behind[1], behind[2]) }
  return { kind, text: bare, place: undefined }
}

/** All notes of an answer, the gravest first, each once. */
export function notesOf(answer: {
  readonly error?: string | undefined
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}): readonly Note[] {
  return [
    ...(answer.error === undefined ? [] : [parseNote('error', answer.error)]),
    ...[...new Set(answer.warnings)].map((text) => parseNote('warning', text)),
    ...[...new Set(answer.infos)].map((text) => parseNote('info', text)),
  ]
}

/** Offsets of the text that a place points at, in UTF-16 units, `end` exclusive and after `start`; `undefined` when there is none. */
export function spanAt(text: string, place: Place): { readonly start: number; readonly end: number } | undefined {
  const lines = text.split('\n')
  const line = lines[place.line - 1]
  if (line === undefined || place.column < 1) return undefined
  const lineStart = lines.slice(0, place.line - 1).reduce((sum, one) => sum + one.length + 1, 0)
  let bytes = place.column - 1
  let offset = 0
  for (const sign of line) {
    if (bytes <= 0) break
    bytes -= bytesOf(sign)
    offset += sign.length
  }
  if (bytes > 0) return undefined
  const rest = line.slice(offset)
  const token =
    /^(?:[\p{L}_:][\p{L}\p{N}_:.]*|[\d.][\w.]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[=!<>]=|[=!]~|\S)/u.exec(
      rest,
    )
  if (token !== null) return { start: lineStart + offset, end: lineStart + offset + token[0].length }
  // The end of the text, or a blank: what is missing there is missing after the last sign.
  const before = text.slice(0, lineStart + offset).trimEnd().length
  return before === 0 ? undefined : { start: before - 1, end: before }
}

function bytesOf(sign: string): number {
  const code = sign.codePointAt(0) ?? 0
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4
}

function placeOf(line: string | undefined, column: string | undefined): Place {
  return { line: Number(line), column: Number(column) }
}
