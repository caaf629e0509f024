/**
 * Values of attributes as text, as the Collector and Prometheus write them.
 *
 * - Doubles are written as in JSON; what JSON has no number for becomes a sentence, and makes a list that holds it ''.
 * - Maps are JSON with sorted keys, bytes base64. Nothing is ''.
 *
 * Source: opentelemetry-collector: pdata/pcommon/value.go (`AsString`); Go: encoding/json.
 */
import { byBytes } from '#core'

/** `int`: decimal digits, since 64 bits do not fit a number. */
export type AnyValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: string }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'list'; readonly value: readonly AnyValue[] }
  | { readonly kind: 'map'; readonly value: readonly (readonly [name: string, value: AnyValue])[] }

export const NO_VALUE: AnyValue = { kind: 'none' }

export function attributeText(one: AnyValue): string {
  switch (one.kind) {
    case 'none':
      return ''
    case 'text':
    case 'int':
      return one.value
    case 'bool':
      return String(one.value)
    case 'double':
      return doubleText(one.value) ?? `json: unsupported value: ${infinityText(one.value)}`
    case 'bytes':
      return base64(one.value)
    case 'list':
    case 'map':
      return json(one) ?? ''
    default:
      return one satisfies never
  }
}

/** `undefined`: there is a number in it that JSON has none for. */
function json(one: AnyValue): string | undefined {
  switch (one.kind) {
    case 'none':
      return 'null'
    case 'text':
      return quoted(one.value)
    case 'bool':
    case 'int':
      return String(one.value)
    case 'double':
      return doubleText(one.value)
    case 'bytes':
      return quoted(base64(one.value))
    case 'list': {
      const parts = one.value.map(json)
      return parts.includes(undefined) ? undefined : `[${parts.join(',')}]`
    }
    case 'map': {
      const sorted = [...new Map(one.value)].toSorted(([a], [b]) => byBytes(a, b))
      const parts = sorted.map(([name, value]) => {
        const text = json(value)
        return text === undefined ? undefined : `${quoted(name)}:${text}`
      })
      return parts.includes(undefined) ? undefined : `{${parts.join(',')}}`
    }
    default:
      return one satisfies never
  }
}

/** JavaScript and Go write the same shortest digits; of zero only Go writes the sign. */
function doubleText(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined
  return Object.is(value, -0) ? '-0' : String(value)
}

function infinityText(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

/** Go also escapes the two separators of lines that JSON allows and JavaScript once did not. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
