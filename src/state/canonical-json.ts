/**
 * JSON with one spelling per value, so that equal facts are equal texts and a hash over them means something.
 *
 * - Members are sorted by name (by UTF-16 units); members that are `undefined` are dropped; -0 is spelled 0.
 * - What JSON would silently change (NaN, infinities, functions, dates, maps) is refused instead of changed.
 */
import { AssayError } from '#core'
import type { Json } from './types.ts'

const MAX_DEPTH = 64
const MAX_VALUE_LENGTH = 8 * 1024 * 1024

/** The text of a value. Throws `ASSAY_STATE_VALUE`, saying where in the value the trouble is. */
export function encodeJson(value: unknown): string {
  const text = encode(value, '$', 0)
  if (text.length > MAX_VALUE_LENGTH) {
    throw refusal('$', `is ${text.length} characters long; keep a fact under ${MAX_VALUE_LENGTH}`)
  }
  return text
}

export function decodeJson(text: string): Json {
  return JSON.parse(text) as Json
}

function encode(value: unknown, path: string, depth: number): string {
  if (depth > MAX_DEPTH) throw refusal(path, `is nested deeper than ${MAX_DEPTH} or holds itself`)
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) throw refusal(path, `is ${value}, which JSON cannot hold`)
      return JSON.stringify(value)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return `[${value.map((one, i) => encode(one, `${path}[${i}]`, depth + 1)).join(',')}]`
      return encodeObject(value, path, depth)
    default:
      throw refusal(path, `is of type ${typeof value}, which JSON cannot hold`)
  }
}

function encodeObject(value: object, path: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw refusal(path, `is a ${value.constructor.name}; turn it into a plain object first`)
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${encode(member, `${path}.${name}`, depth + 1)}`).join(',')}}`
}

function refusal(path: string, what: string): AssayError {
  return new AssayError('ASSAY_STATE_VALUE', `a value of the state store: ${path} ${what}`)
}
