/**
 * `ExportMetricsServiceRequest` from JSON: the protocol's own mapping (OTLP/HTTP) of protobuf.
 *
 * - Names in lowerCamelCase, or as in the .proto file; unknown ones are ignored. `null` is absence.
 * - 64-bit numbers are texts, or numbers, whose digits are kept where they matter: instants and attributes. Enums are
 *   numbers or names. Trace and span ids are hex, other bytes base64.
 * - Bounded by `OTLP_LIMITS`; what makes no sense throws `ASSAY_OTLP_JSON` with the path to it.
 *
 * Source: opentelemetry-specification: protocol/otlp.md, "JSON Protobuf Encoding"; protobuf.dev/programming-guides/json.
 */
import { AssayError, MAX_BUCKETS, messageOf } from '#core'
import { type AnyValue, attributeText, NO_VALUE } from './attribute-text.ts'
import {
  type Attributes,
  type ExponentialBuckets,
  type ExponentialPoint,
  type HistogramPoint,
  type MetricData,
  millisOf,
  NO_RECORDED_VALUE,
  type NumberPoint,
  type OtlpExemplar,
  type OtlpMetric,
  type ResourceMetrics,
  type ScopeMetrics,
  type SummaryPoint,
  TEMPORALITIES,
  type Temporality,
} from './data.ts'
import { MAX_DEPTH, OtlpBudget } from './limits.ts'

/** Throws `ASSAY_OTLP_JSON` and `ASSAY_REMOTE_TOO_LARGE`. */
export function decodeOtlpJson(text: string): readonly ResourceMetrics[] {
  return new Decoder().request(parsed(text))
}

/** Whole numbers that a double may not hold; only then each number is looked at as text, which is slow. */
const LONG_NUMBER = /[:,[\s]-?[0-9]{16,}/

/** The types of TypeScript do not know yet that a reviver is shown what stood there. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown

function parsed(text: string): unknown {
  try {
    if (!LONG_NUMBER.test(text)) return JSON.parse(text)
    return parseWithSource(text, (_name, value, { source }) =>
      typeof value === 'number' && source !== undefined && /^-?[0-9]{16,}$/.test(source) ? BigInt(source) : value,
    )
  } catch (cause) {
    throw new AssayError('ASSAY_OTLP_JSON', `the body is no JSON: ${messageOf(cause)}`, { cause })
  }
}

type Fields = Readonly<Record<string, unknown>>
/** Where a value stands, made to text only when something is wrong with it. */
type Path = { readonly of: Path | undefined; readonly name: string | number }

const ROOT: Path = { of: undefined, name: '' }

class Decoder {
  readonly #budget = new OtlpBudget()

  request(root: unknown): readonly ResourceMetrics[] {
    return this.#list(this.#object(root, ROOT), 'resourceMetrics', ROOT, (one, path) => {
      const resource = this.#inner(one, 'resource', path)
      return {
        attributes: resource === undefined ? [] : this.#attributes(resource.fields, 'attributes', resource.path),
        scopes: this.#list(one, 'scopeMetrics', path, (scope, at) => this.#scope(scope, at)),
      }
    })
  }

  #scope(fields: Fields, path: Path): ScopeMetrics {
    const scope = this.#inner(fields, 'scope', path)
    return {
      name: scope === undefined ? '' : text(scope.fields, 'name', scope.path),
      version: scope === undefined ? '' : text(scope.fields, 'version', scope.path),
      attributes: scope === undefined ? [] : this.#attributes(scope.fields, 'attributes', scope.path),
      schemaUrl: text(fields, 'schemaUrl', path),
      metrics: this.#list(fields, 'metrics', path, (metric, at) => this.#metric(metric, at)),
    }
  }

  #metric(fields: Fields, path: Path): OtlpMetric {
    return {
      name: text(fields, 'name', path),
      description: text(fields, 'description', path),
      unit: text(fields, 'unit', path),
      data: this.#data(fields, path),
    }
  }

  #data(fields: Fields, path: Path): MetricData {
    const gauge = this.#inner(fields, 'gauge', path)
    if (gauge !== undefined)
      return { kind: 'gauge', points: this.#points(gauge, (one, at) => this.#numberPoint(one, at)) }
    const sum = this.#inner(fields, 'sum', path)
    if (sum !== undefined) {
      return {
        kind: 'sum',
        points: this.#points(sum, (one, at) => this.#numberPoint(one, at)),
        temporality: temporality(sum.fields, sum.path),
        monotonic: flag(sum.fields, 'isMonotonic', sum.path),
      }
    }
    const histogram = this.#inner(fields, 'histogram', path)
    if (histogram !== undefined) {
      return {
        kind: 'histogram',
        points: this.#points(histogram, (one, at) => this.#histogramPoint(one, at)),
        temporality: temporality(histogram.fields, histogram.path),
      }
    }
    const exponential = this.#inner(fields, 'exponentialHistogram', path)
    if (exponential !== undefined) {
      return {
        kind: 'exponentialHistogram',
        points: this.#points(exponential, (one, at) => this.#exponentialPoint(one, at)),
        temporality: temporality(exponential.fields, exponential.path),
      }
    }
    const summary = this.#inner(fields, 'summary', path)
    if (summary !== undefined)
      return { kind: 'summary', points: this.#points(summary, (one, at) => this.#summaryPoint(one, at)) }
    return { kind: 'unknown', points: [] }
  }

  #points<T>({ fields, path }: { readonly fields: Fields; readonly path: Path }, read: (one: Fields, path: Path) => T) {
    return this.#list(fields, 'dataPoints', path, read)
  }

  #head(fields: Fields, path: Path) {
    return {
      attributes: this.#attributes(fields, 'attributes', path),
      startAt: instant(fields, 'startTimeUnixNano', path),
      at: instant(fields, 'timeUnixNano', path),
      noValue: ((number(fields, 'flags', path) ?? 0) & NO_RECORDED_VALUE) !== 0,
    }
  }

  #numberPoint(fields: Fields, path: Path): NumberPoint {
    return {
      ...this.#head(fields, path),
      value: number(fields, 'asDouble', path) ?? whole(fields, 'asInt', path),
      exemplars: this.#exemplars(fields, path),
    }
  }

  #histogramPoint(fields: Fields, path: Path): HistogramPoint {
    return {
      ...this.#head(fields, path),
      count: whole(fields, 'count', path) ?? 0,
      sum: number(fields, 'sum', path),
      counts: this.#numbers(fields, 'bucketCounts', path, asWhole),
      bounds: this.#numbers(fields, 'explicitBounds', path, asNumber),
      exemplars: this.#exemplars(fields, path),
    }
  }

  #exponentialPoint(fields: Fields, path: Path): ExponentialPoint {
    return {
      ...this.#head(fields, path),
      count: whole(fields, 'count', path) ?? 0,
      sum: number(fields, 'sum', path),
      scale: whole(fields, 'scale', path) ?? 0,
      zeroCount: whole(fields, 'zeroCount', path) ?? 0,
      zeroThreshold: number(fields, 'zeroThreshold', path) ?? 0,
      positive: this.#buckets(fields, 'positive', path),
      negative: this.#buckets(fields, 'negative', path),
      exemplars: this.#exemplars(fields, path),
    }
  }

  #buckets(fields: Fields, name: string, path: Path): ExponentialBuckets {
    const inner = this.#inner(fields, name, path)
    if (inner === undefined) return { offset: 0, counts: new Float64Array(0) }
    const counts = this.#numbers(inner.fields, 'bucketCounts', inner.path, asWhole)
    if (counts.length > MAX_BUCKETS) throw fault(inner.path, `it has more than ${MAX_BUCKETS} buckets`)
    return { offset: whole(inner.fields, 'offset', inner.path) ?? 0, counts }
  }

  #summaryPoint(fields: Fields, path: Path): SummaryPoint {
    return {
      ...this.#head(fields, path),
      count: whole(fields, 'count', path) ?? 0,
      sum: number(fields, 'sum', path) ?? 0,
      quantiles: this.#list(fields, 'quantileValues', path, (one, at) => ({
        quantile: number(one, 'quantile', at) ?? 0,
        value: number(one, 'value', at) ?? 0,
      })),
    }
  }

  #exemplars(fields: Fields, path: Path): readonly OtlpExemplar[] {
    return this.#list(fields, 'exemplars', path, (one, at) => ({
      at: instant(one, 'timeUnixNano', at),
      value: number(one, 'asDouble', at) ?? whole(one, 'asInt', at),
      traceId: hex(one, 'traceId', at),
      spanId: hex(one, 'spanId', at),
      attributes: this.#attributes(one, 'filteredAttributes', at),
    }))
  }

  #attributes(fields: Fields, name: string, path: Path): Attributes {
    return this.#list(fields, name, path, (one, at) => {
      const [key, value] = this.#keyValue(one, at, 0)
      return [key, attributeText(value)] as const
    })
  }

  #keyValue(fields: Fields, path: Path, depth: number): [string, AnyValue] {
    return [text(fields, 'key', path), this.#anyValue(this.#inner(fields, 'value', path), depth)]
  }

  #anyValue(inner: { readonly fields: Fields; readonly path: Path } | undefined, depth: number): AnyValue {
    if (inner === undefined) return NO_VALUE
    const { fields, path } = inner
    if (depth > MAX_DEPTH) throw fault(path, `it is more than ${MAX_DEPTH} lists deep`)
    if (get(fields, 'stringValue') !== undefined) return { kind: 'text', value: text(fields, 'stringValue', path) }
    if (get(fields, 'boolValue') !== undefined) return { kind: 'bool', value: flag(fields, 'boolValue', path) }
    const int = get(fields, 'intValue')
    if (int !== undefined) return { kind: 'int', value: wholeText(int, { of: path, name: 'intValue' }) }
    const double = number(fields, 'doubleValue', path)
    if (double !== undefined) return { kind: 'double', value: double }
    const list = this.#inner(fields, 'arrayValue', path)
    if (list !== undefined) {
      const value = this.#list(list.fields, 'values', list.path, (one, at) =>
        this.#anyValue({ fields: one, path: at }, depth + 1),
      )
      return { kind: 'list', value }
    }
    const map = this.#inner(fields, 'kvlistValue', path)
    if (map !== undefined)
      return {
        kind: 'map',
        value: this.#list(map.fields, 'values', map.path, (one, at) => this.#keyValue(one, at, depth + 1)),
      }
    const bytes = text(fields, 'bytesValue', path)
    return bytes === '' ? NO_VALUE : { kind: 'bytes', value: Buffer.from(bytes, 'base64') }
  }

  #numbers(fields: Fields, name: string, path: Path, read: (value: unknown, path: Path) => number): Float64Array {
    const list = get(fields, name)
    if (list === undefined) return new Float64Array(0)
    const at = { of: path, name }
    if (!Array.isArray(list)) throw fault(at, 'it must be a list')
    this.#budget.numbers(list.length)
    const out = new Float64Array(list.length)
    for (let i = 0; i < list.length; i++) out[i] = read(list[i], { of: at, name: i })
    return out
  }

  #list<T>(fields: Fields, name: string, path: Path, read: (one: Fields, path: Path) => T): readonly T[] {
    const list = get(fields, name)
    if (list === undefined) return []
    const at = { of: path, name }
    if (!Array.isArray(list)) throw fault(at, 'it must be a list')
    return list.map((one, i) => {
      const place = { of: at, name: i }
      return read(this.#object(one, place), place)
    })
  }

  #inner(fields: Fields, name: string, path: Path): { readonly fields: Fields; readonly path: Path } | undefined {
    const value = get(fields, name)
    if (value === undefined) return undefined
    const at = { of: path, name }
    return { fields: this.#object(value, at), path: at }
  }

  #object(value: unknown, path: Path): Fields {
    this.#budget.part()
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault(path, 'it must be an object')
    return value as Fields
  }
}

/** By its name in JSON or in the .proto file; `undefined` is also `null`. Never from the prototype. */
function get(fields: Fields, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name] ?? undefined
  const snake = snakeOf(name)
  return Object.hasOwn(fields, snake) ? (fields[snake] ?? undefined) : undefined
}

const snakes = new Map<string, string>()

/** `name` is one of those that stand in this file. */
function snakeOf(name: string): string {
  let snake = snakes.get(name)
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    snakes.set(name, snake)
  }
  return snake
}

function text(fields: Fields, name: string, path: Path): string {
  const value = get(fields, name)
  if (value === undefined) return ''
  if (typeof value !== 'string') throw fault({ of: path, name }, 'it must be a text')
  // A lone half of a pair is no Unicode, and protobuf could not carry it.
  return value.isWellFormed() ? value : value.toWellFormed()
}

function flag(fields: Fields, name: string, path: Path): boolean {
  const value = get(fields, name)
  if (value !== undefined && typeof value !== 'boolean') throw fault({ of: path, name }, 'it must be true or false')
  return value ?? false
}

function number(fields: Fields, name: string, path: Path): number | undefined {
  const value = get(fields, name)
  return value === undefined ? undefined : asNumber(value, { of: path, name })
}

function whole(fields: Fields, name: string, path: Path): number | undefined {
  const value = get(fields, name)
  return value === undefined ? undefined : asWhole(value, { of: path, name })
}

const DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/
const INFINITIES: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}

function asNumber(value: unknown, path: Path): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string') {
    if (Object.hasOwn(INFINITIES, value)) return INFINITIES[value]!
    if (DECIMAL.test(value)) return Number(value)
  }
  throw fault(path, 'it must be a number')
}

function asWhole(value: unknown, path: Path): number {
  const found = asNumber(value, path)
  if (!Number.isInteger(found)) throw fault(path, 'it must be a whole number')
  return found
}

function wholeText(value: unknown, path: Path): string {
  return exact(value, path).toString()
}

/** Nanoseconds, without sign, in 64 bits. */
function instant(fields: Fields, name: string, path: Path): number {
  const value = get(fields, name)
  if (value === undefined) return 0
  const at = { of: path, name }
  const nanos = exact(value, at)
  if (nanos < 0n || nanos >= 2n ** 64n) throw fault(at, 'it must be nanoseconds since 1970, in 64 bits')
  return millisOf(Number(nanos >> 32n), Number(nanos & 0xffffffffn))
}

function exact(value: unknown, path: Path): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (typeof value === 'string' && /^-?[0-9]{1,20}$/.test(value)) return BigInt(value)
  throw fault(path, 'it must be a whole number')
}

function temporality(fields: Fields, path: Path): Temporality {
  const value = get(fields, 'aggregationTemporality')
  if (value === undefined) return 'unspecified'
  if (typeof value === 'number') return TEMPORALITIES[value] ?? 'unspecified'
  const found = TEMPORALITIES.find((one) => value === `AGGREGATION_TEMPORALITY_${one.toUpperCase()}`)
  if (found === undefined)
    throw fault({ of: path, name: 'aggregationTemporality' }, 'it must be 1 (delta), 2 (cumulative) or the name of one')
  return found
}

function hex(fields: Fields, name: string, path: Path): string {
  const value = text(fields, name, path).toLowerCase()
  if (!/^(?:[0-9a-f]{2})*$/.test(value)) throw fault({ of: path, name }, 'it must be hex digits')
  return /^0*$/.test(value) ? '' : value
}

function fault(path: Path, why: string): AssayError<'ASSAY_OTLP_JSON'> {
  let place = ''
  for (let at: Path | undefined = path; at?.of !== undefined; at = at.of)
    place = (typeof at.name === 'number' ? `[${at.name}]` : `.${at.name}`) + place
  return new AssayError('ASSAY_OTLP_JSON', `${place === '' ? 'the body' : place.replace(/^\./, '')}: ${why}`)
}
