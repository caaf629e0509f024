/**
 * Names and values of an address or a form that holds nothing unusual: what nearly every client sends, and ten times as fast as
 * `URLSearchParams`, which is the twin and reads the rest.
 *
 * Unusual are a second `?`, bytes beyond ASCII, escapes that are none or no UTF-8, and more pairs than any client of ours sends.
 */

const MOST_PAIRS = 64
const PERCENT = 37
const AND = 38
const PLUS = 43
const EQUALS = 61

/** Name, value, name, value, ... as they come; `undefined`: not plain. */
export function tryPlainPairs(text: string): readonly string[] | undefined {
  if (text.startsWith('?')) return undefined
  const flat: string[] = []
  let left = MOST_PAIRS
  let start = 0
  let equals = -1
  let isEscaped = false
  for (let i = 0; i <= text.length; i++) {
    const unit = i === text.length ? AND : text.charCodeAt(i)
    if (unit === EQUALS) {
      if (equals === -1) equals = i
    } else if (unit === PERCENT || unit === PLUS) {
      isEscaped = true
    } else if (unit > 0x7e) {
      return undefined
    } else if (unit === AND) {
      // What is empty between two of them is counted too, and read past.
      if (left-- === 0) return undefined
      if (i > start) {
        const name = text.slice(start, equals === -1 ? i : equals)
        const value = equals === -1 ? '' : text.slice(equals + 1, i)
        const plainName = isEscaped ? tryUnescape(name) : name
        const plainValue = isEscaped ? tryUnescape(value) : value
        if (plainName === undefined || plainValue === undefined) return undefined
        flat.push(plainName, plainValue)
      }
      start = i + 1
      equals = -1
      isEscaped = false
    }
  }
  return flat
}

function tryUnescape(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
