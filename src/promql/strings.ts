/**
 * String literals: three quotes, Go's escapes, and back.
 *
 * - `\xNN` and `\NNN` are bytes of UTF-8. A byte that is part of no character is kept as a lone surrogate U+DCNN,
 *   so that it stays an error that can be named and never turns into some other text.
 */
import { ParseError } from './position.ts'

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** The value of the literal at `[start, end)` of `text`, quotes included. Throws `ParseError` on a bad escape. */
export function unquote(text: string, start: number, end: number): string {
  const quote = text[start]!
  const body = text.slice(start + 1, end - 1)
  if (quote === '`') return body.replaceAll('\r', '')
  if (!body.includes('\\')) return body
  let value = ''
  let bytes: number[] = []
  const flush = () => {
    if (bytes.length > 0) value += decode(bytes)
    bytes = []
  }
  for (let at = 0; at < body.length; ) {
    const char = body[at]!
    if (char !== '\\') {
      flush()
      value += char
      at++
      continue
    }
    const rest = body.slice(at + 1)
    const byte = /^(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2}))/.exec(rest)
    const point = /^(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest)
    if (byte !== null) {
      bytes.push(byte[1] === undefined ? Number.parseInt(byte[2]!, 8) : Number.parseInt(byte[1], 16))
      at += 1 + byte[0].length
      continue
    }
    flush()
    const code = point === null ? -1 : Number.parseInt(point[1] ?? point[2]!, 16)
    const simple = rest[0] === quote ? quote : SIMPLE[rest[0] ?? '']
    if (point !== null && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) {
      value += String.fromCodePoint(code)
      at += 1 + point[0].length
    } else if (simple !== undefined) {
      value += simple
      at += 2
    } else {
      const from = start + 1 + at
      throw new ParseError(
        text,
        { start: from, end: from + 2 },
        `unknown escape \\${rest[0] ?? ''}; write \\\\ for a backslash, or put the string in backquotes`,
      )
    }
  }
  flush()
  return value
}

/** The literal for `value`, in double quotes, as Prometheus prints it. */
export function quote(value: string): string {
  let text = '"'
  for (const char of value) {
    const code = char.codePointAt(0)!
    const short = ESCAPES[char]
    if (short !== undefined) text += short
    else if (code >= 0xdc80 && code <= 0xdcff) text += `\\x${(code - 0xdc00).toString(16)}`
    else if (code < 0x20 || code === 0x7f) text += `\\x${code.toString(16).padStart(2, '0')}`
    else text += char
  }
  return `${text}"`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

function decode(bytes: readonly number[]): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const size = sequenceLength(bytes[at]!)
    const whole = size === 0 ? undefined : tryDecode(bytes.slice(at, at + size), size)
    text += whole ?? String.fromCharCode(0xdc00 + bytes[at]!)
    at += whole === undefined ? 1 : size
  }
  return text
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1
  if (lead >= 0xc2 && lead < 0xe0) return 2
  if (lead >= 0xe0 && lead < 0xf0) return 3
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0
}

function tryDecode(bytes: readonly number[], size: number): string | undefined {
  if (bytes.length < size) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}
