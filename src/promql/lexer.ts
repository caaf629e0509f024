/**
 * Text to tokens.
 *
 * - Keywords are not known here: an identifier is a word, and the parser decides by its neighbours whether
 *   `on` is a keyword or somebody's metric.
 * - Inside `[]` and `{}` a colon is a token of its own; outside it is part of a metric name.
 * - Comments and white space leave no token. The last token is always `end`.
 */
import { tryParseValue } from '#core'
import { ParseError, type Span, shown } from './position.ts'
import { unquote } from './strings.ts'

export type Token =
  | { readonly type: 'word'; readonly text: string; readonly span: Span }
  | { readonly type: 'string'; readonly value: string; readonly span: Span }
  | { readonly type: 'number'; readonly value: number; readonly duration: boolean; readonly span: Span }
  | { readonly type: 'punct'; readonly text: string; readonly span: Span }
  /** `unclosed`: a brace or parenthesis that is still open there, which is then what is wrong. */
  | { readonly type: 'end'; readonly text: ''; readonly span: Span; readonly unclosed?: '{' | '(' }

const SPACE = /(?:[ \t\r\n]+|#[^\n]*)+/y
const METRIC_WORD = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL_WORD = /[a-zA-Z_][a-zA-Z0-9_]*/y
const DURATION = /(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?/y
const HEX = /0[xX](?:_?[0-9a-fA-F])+/y
const DECIMAL = /(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?/y
const PUNCT = /==|=~|=|!=|!~|<=|<\/|<|>=|>\/|>|[-+*/%^(){}[\],:@]/y
const MAX_INT64 = 2n ** 63n - 1n
const MAX_SECONDS = 2 ** 63 / 1e9
const UNITS_MS: Readonly<Record<string, number>> = {
  y: 31_536_000_000,
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
}

/** All tokens of `text`. Throws `ParseError`. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  const open: string[] = []
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0] ?? ''
  }
  let at = 0
  for (;;) {
    at += take(SPACE).length
    const start = at
    if (at >= text.length) break
    const char = text[at]!
    if (char === '"' || char === "'" || char === '`') {
      const end = endOfString(text, at)
      tokens.push({ type: 'string', value: unquote(text, at, end), span: { start, end } })
      at = end
      continue
    }
    if (/[0-9]/.test(char) || (char === '.' && /[0-9]/.test(text[at + 1] ?? ''))) {
      const token = number(text, at, take(DURATION), take(HEX) || take(DECIMAL))
      tokens.push(token)
      at = token.span.end
      continue
    }
    const inside = open.at(-1)
    const word = take(inside === '[' || inside === '{' ? LABEL_WORD : METRIC_WORD)
    if (word !== '') {
      at += word.length
      tokens.push({ type: 'word', text: word, span: { start, end: at } })
      continue
    }
    const punct = take(PUNCT)
    if (punct === '') {
      throw new ParseError(
        text,
        { start, end: start + 1 },
        `unexpected character: '${String.fromCodePoint(text.codePointAt(at)!)}'; put names with other than letters, digits and _ in quotes, as in {"my.metric"}`,
      )
    }
    at += punct.length
    track(text, open, punct, { start, end: at })
    tokens.push({ type: 'punct', text: punct, span: { start, end: at } })
  }
  const unclosed = open.at(-1) === '{' ? '{' : open.includes('(') ? '(' : undefined
  tokens.push({ type: 'end', text: '', span: { start: at, end: at }, ...(unclosed === undefined ? {} : { unclosed }) })
  return tokens
}

const PARTNER: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

const CLOSING: Readonly<Record<string, string>> = {
  ')': "right parenthesis ')'",
  ']': "right bracket ']'",
  '}': "character: '}'",
}

/** Keeps the stack of open brackets, which says what a colon means. */
function track(text: string, open: string[], punct: string, span: Span): void {
  if (punct === '(' || punct === '[' || punct === '{') open.push(punct)
  const partner = PARTNER[punct]
  if (partner === undefined) return
  if (open.pop() !== partner)
    throw new ParseError(text, span, `unexpected ${CLOSING[punct]}; remove it, or open it before with ${partner}`)
}

function number(text: string, start: number, duration: string, plain: string): Token {
  const isDuration = duration.length > 0 && duration.length >= plain.length
  const body = isDuration ? duration : plain
  const end = start + body.length
  // `1y2` or `5mm` is no number with a name behind it, but a misspelt one.
  if (/[a-zA-Z0-9_.]/.test(text[end] ?? '')) {
    const whole = /^[\w.]+/.exec(text.slice(start))![0]
    throw new ParseError(
      text,
      { start, end: start + whole.length },
      `bad number or duration syntax: ${shown(JSON.stringify(whole))}; write a number as in 1.5 or 1e3, a duration with units from large to small, each once, as in 1h30m`,
    )
  }
  const value = isDuration ? secondsOf(duration) : wholeOrDecimal(body.replaceAll('_', ''))
  const fault = (what: string) => new ParseError(text, { start, end }, what)
  if (isDuration && value! > MAX_SECONDS) throw fault(`duration out of range: ${value} s; write less than 292y`)
  const parsing = `error parsing number: strconv.ParseFloat: parsing ${shown(JSON.stringify(body))}`
  if (value === undefined) throw fault(`${parsing}: invalid syntax; write it with decimal digits`)
  if (value === Infinity) throw fault(`${parsing}: value out of range; write Inf, or one below 1.8e308`)
  return { type: 'number', value, duration: isDuration, span: { start, end } }
}

/**
 * A leading 0 makes a whole number octal, as in Go, unless a digit forbids it or it does not fit 64 bits. Hexadecimal is
 * nothing that does not fit.
 */
function wholeOrDecimal(digits: string): number | undefined {
  const octal = /^0[0-7]+$/.test(digits)
  if (!octal && !/^0x/i.test(digits)) return Number(tryParseValue(digits))
  const whole = BigInt(octal ? `0o${digits}` : digits)
  if (whole <= MAX_INT64) return Number(whole)
  return octal ? Number(digits) : undefined
}

function secondsOf(duration: string): number {
  let ms = 0
  for (const [, count, unit] of duration.matchAll(/(\d+)([a-z]+)/g)) ms += Number(count) * UNITS_MS[unit!]!
  return ms / 1000
}

/** Offset behind the closing quote. */
function endOfString(text: string, start: number): number {
  const quote = text[start]!
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]!
    if (char === quote) return at + 1
    if (quote !== '`' && char === '\\') at++
    else if (quote !== '`' && char === '\n') break
  }
  throw new ParseError(
    text,
    { start, end: text.length },
    `unterminated ${quote === '`' ? 'raw' : 'quoted'} string; close it with ${quote}`,
  )
}
