/**
 * What a plain scalar of YAML means to Prometheus, whose parser follows YAML 1.1 and the type that is wanted.
 *
 * - Where a text is wanted the scalar is its source: a label `010` is `010`, `1e3` is `1e3`, `yes` is `yes`.
 * - Where a truth is wanted `yes` and `on` are one too; a number may have `_` between its digits, and `010` is eight.
 * - A key whose value is null is as good as absent.
 *
 * So a document is read with its sources kept (`withSources`), and whoever knows what is wanted asks for it. Not told apart: a text in
 * quotes where a truth or a number is wanted, which Prometheus refuses.
 *
 * Source: go-yaml v2: resolve.go, and `scalar` of decode.go.
 */
import { type Document, type Scalar, visit } from 'yaml'

/** A scalar without quotes that YAML does not read as a text: a number, a truth. */
export class PlainScalar {
  readonly value: unknown
  readonly source: string

  constructor(value: unknown, source: string) {
    this.value = value
    this.source = source
  }
}

/** What aliases may multiply to before a document is refused: the "billion laughs" of YAML. */
const MAX_ALIASES = 100

/**
 * The value of a document, with a `PlainScalar` where a value is a plain scalar and no text, and without keys whose value is null, but
 * for those inside the value of a key `free`, which may hold anything. Throws what the parser says of too many aliases.
 */
export function withSources(document: Document, free?: string): unknown {
  visit(document, {
    Scalar: (key, node) => {
      if (key === 'key' || typeof node.value === 'string' || node.value === null || node.source === undefined) return
      ;(node as Scalar<unknown>).value = new PlainScalar(node.value, node.source)
    },
  })
  return withoutNulls(document.toJS({ maxAliasCount: MAX_ALIASES }), free)
}

function withoutNulls(given: unknown, free: string | undefined): unknown {
  if (Array.isArray(given)) return given.map((one) => withoutNulls(one, free))
  if (typeof given !== 'object' || given === null || given instanceof PlainScalar) return given
  return Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, key === free ? value : withoutNulls(value, free)]),
  )
}

/** The source where there is one; else what was given. */
export function sourceOf(given: unknown): unknown {
  return given instanceof PlainScalar ? given.source : given
}

/** Scalars in lists and maps as YAML reads them, for what has no type of its own. */
export function plainValue(given: unknown): unknown {
  if (given instanceof PlainScalar) return given.value
  if (Array.isArray(given)) return given.map(plainValue)
  if (typeof given !== 'object' || given === null) return given
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, plainValue(value)]))
}

/** All scalars in lists and maps as texts. */
export function sourceTexts(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(sourceTexts)
  if (given instanceof PlainScalar || typeof given !== 'object' || given === null) return sourceOf(given)
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, sourceTexts(value)]))
}

const TRUE = /^(?:y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE)$/
const FALSE = /^(?:n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$/

/** `undefined`: no truth. */
export function tryTruth(given: unknown): boolean | undefined {
  const source = sourceOf(given)
  if (typeof source === 'boolean') return source
  if (typeof source !== 'string') return undefined
  return TRUE.test(source) ? true : FALSE.test(source) ? false : undefined
}

const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/
const WHOLE = /^([-+]?)(0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]+)$/

/** `undefined`: no number. */
export function tryNumber(given: unknown): number | undefined {
  const source = sourceOf(given)
  if (typeof source === 'number') return source
  if (typeof source !== 'string') return undefined
  const digits = source.replaceAll('_', '')
  const whole = WHOLE.exec(digits)
  if (whole !== null) {
    const [, sign, number = ''] = whole
    return (sign === '-' ? -1 : 1) * Number(/^0[oO]?[0-7]/.test(number) ? number.replace(/^0[oO]?/, '0o') : number)
  }
  return FLOAT.test(digits) ? Number(digits) : undefined
}
