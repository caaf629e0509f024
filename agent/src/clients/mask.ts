/**
 * A parsed body with its secrets taken out, as JSON text: what may be looked at when somebody asks what an attacker sends.
 *
 * - By name: whatever is under a name like password, token, secret, authorization, card, cvv, iban, birth is `[masked]`, all of it.
 * - By look, anywhere in a text, a number or a name: e-mail addresses, payment cards (13 to 19 digits that pass Luhn's check),
 *   IBANs (that pass mod 97), JSON Web Tokens, runs of 20 and more hexadecimal or base64 characters that are not words.
 * - In texts: `name=value` and `name: value` with such a name, `Bearer ...`, and JSON inside a text is looked at as JSON.
 * - What cannot be looked at is left out, not shown: deep nesting, long lists, buffers, getters that throw, the end of long texts.
 * - Bounded: at most MAX_VALUES values of a body are looked at, MAX_TEXT characters of each text, whatever its shape.
 * - Masking errs towards masking. It is a second line: sampling is off unless it is asked for.
 */
const MASK = '[masked]'
const MAX_DEPTH = 8
const MAX_ITEMS = 64
/** Characters of a text that are looked at. */
const MAX_TEXT = 2_048
/** So much of the end of a longer text is not shown: a secret that the cut went through cannot be told from none. */
const BLIND_END = 1_100
const MAX_VALUES = 512
/** Characters of all texts of a body together; what comes later is not shown. */
const MAX_CHARACTERS = 8_192

const SECRET_NAME =
  /pass|pwd|secret|token|auth|credential|session|cookie|bearer|signature|api[-_]?key|access[-_]?key|private|otp|pin$|^pin|passcode|mfa|2fa|card|pan$|cvv|cvc|csc|expir|iban|account[-_]?n|bic|swift|ssn|social|birth|^dob$|passport|licen[cs]e|tax|rodne|phone|mobile|^tel|mail|jwt|seed|mnemonic|key$/i
const SECRET_WORD = 'pass|pwd|secret|token|auth|credential|session|cookie|signature|api[-_]?key|pin|card|cvv|cvc|iban'
const PAIR = new RegExp(
  `((?:${SECRET_WORD})[\\w.-]{0,40}["']?\\s{0,4}[=:]\\s{0,4}["']?)(?:(?:bearer|basic|digest)\\s{1,4})?[^\\s"'&,;{}]+`,
  'gi',
)
const SCHEME = /\b((?:bearer|basic|digest)\s{1,4})[^\s"',;]+/gi
const EMAIL = /[^\s@"'<>(),;:=/&?]{1,64}@[^\s@"'<>(),;:=/&?]{1,255}/gu
const JWT = /eyJ[\w-]{4,}\.[\w-]*\.?[\w-]*/g
/** Digits with what people put between them. */
const DIGITS = /\d(?:[ .\-/]?\d){8,}/g
const IBAN = /[A-Za-z]{2}[ -]?\d{2}(?:[ -]?[A-Za-z\d]){11,30}/g
/** Long runs without a space; and what may be between two joints of one that is made of words. */
const WORD = /^(?:\d{0,12}|[A-Z]+\d{0,4}|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*\d{0,4})$/
const RUN = /[\w+/=~-]{20,}/g

/** As JSON text of at most `most` characters; '' when nothing can be told. Never throws. */
export function maskedText(body: unknown, most: number): string {
  try {
    const text = JSON.stringify(masked(body, { depth: 0, values: MAX_VALUES, characters: MAX_CHARACTERS }))
    return text === undefined ? '' : cut(text, most)
  } catch {
    return ''
  }
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

/** What may still be looked at. */
type Walk = { depth: number; values: number; characters: number }

function masked(value: unknown, walk: Walk): unknown {
  if (--walk.values < 0) return '[more]'
  switch (typeof value) {
    case 'string':
      return maskedJson(value, walk) ?? maskedPlain(value, walk)
    case 'number':
    case 'bigint': {
      const text = maskText(String(value))
      return text === String(value) && typeof value === 'number' ? value : text
    }
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : maskedObject(value, walk)
    default:
      return undefined
  }
}

function maskedPlain(text: string, walk: Walk): string {
  walk.characters -= Math.min(text.length, MAX_TEXT)
  return walk.characters < 0 ? '[more]' : maskText(text)
}

/** A text that is JSON itself, masked and written again; undefined when it is none, or too long to be looked at whole. */
function maskedJson(text: string, walk: Walk): string | undefined {
  if (!/^\s*[[{]/.test(text) || text.length > MAX_TEXT * 4) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return JSON.stringify(masked(value, walk))
  } catch {
    return undefined
  }
}

function maskedObject(value: object, walk: Walk): unknown {
  if (walk.depth >= MAX_DEPTH) return '[deep]'
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return '[binary]'
  walk.depth++
  try {
    return Array.isArray(value) ? maskedItems(value, walk) : maskedFields(value, walk)
  } finally {
    walk.depth--
  }
}

function maskedItems(value: readonly unknown[], walk: Walk): unknown[] {
  const items = value.slice(0, MAX_ITEMS).map((item) => masked(item, walk))
  if (value.length > MAX_ITEMS) items.push(`[${value.length - MAX_ITEMS} more]`)
  return items
}

function maskedFields(value: object, walk: Walk): unknown {
  const shown: [string, unknown][] = []
  for (const name of Object.keys(value)) {
    if (shown.length === MAX_ITEMS) {
      shown.push(['…', '[more]'])
      break
    }
    shown.push([
      maskedPlain(name, walk),
      SECRET_NAME.test(name.slice(0, MAX_TEXT)) ? MASK : masked(read(value, name), walk),
    ])
  }
  // Not by assignment: a body may have a name like __proto__.
  return Object.fromEntries(shown)
}

function read(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name]
  } catch {
    return '[unreadable]'
  }
}

export function maskText(given: string): string {
  const text = given
    .slice(0, MAX_TEXT)
    .replace(JWT, MASK)
    .replace(PAIR, `$1${MASK}`)
    .replace(SCHEME, `$1${MASK}`)
    .replace(EMAIL, MASK)
    .replace(IBAN, (run) => (holdsIban(run) ? MASK : run))
    .replace(DIGITS, (run) => (holdsCard(run) ? MASK : run))
    .replace(RUN, (run) => (looksRandom(run) ? MASK : run))
  return given.length <= MAX_TEXT ? text : `${text.slice(0, Math.max(0, text.length - BLIND_END))}…`
}

/** Whether 13 to 19 digits in a row pass Luhn's check. */
function holdsCard(run: string): boolean {
  const digits = run.replace(/\D/g, '')
  for (let length = 13; length <= 19; length++) {
    for (let from = 0; from + length <= digits.length; from++) {
      if (passesLuhn(digits, from, length)) return true
    }
  }
  return false
}

function passesLuhn(digits: string, from: number, length: number): boolean {
  let sum = 0
  for (let i = 0; i < length; i++) {
    let digit = digits.charCodeAt(from + length - 1 - i) - 48
    if ((i & 1) === 1) {
      digit *= 2
      if (digit > 9) digit -= 9
    }
    sum += digit
  }
  return sum % 10 === 0
}

/** Whether some beginning of it is an IBAN (ISO 13616: letters as numbers, rotated by four, modulo 97 is 1). */
function holdsIban(run: string): boolean {
  const text = run.replace(/[ -]/g, '').toUpperCase()
  for (let length = 15; length <= Math.min(34, text.length); length++) {
    const rotated = text.slice(4, length) + text.slice(0, 4)
    let remainder = 0
    for (const letter of rotated) {
      const value = Number.parseInt(letter, 36)
      remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
    }
    if (remainder === 1) return true
  }
  return false
}

/** Hexadecimal, base64 and the like; not words joined by hyphens or slashes, and not plain digits (those are looked at above). */
function looksRandom(run: string): boolean {
  if (/^[\d-]+$/.test(run)) return false
  if (/^[0-9a-fA-F-]+$/.test(run)) return true
  return run.split(/[-_/+=~]/).some((part) => !WORD.test(part))
}
