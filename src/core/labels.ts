/**
 * Label sets: the identity of a series.
 *
 * - Pairs are sorted by name in Prometheus' order (by UTF-8 bytes), names are unique, values are never empty.
 * - Immutable: every change makes a new set. Equal sets have equal `key`s, and only they.
 */
export const METRIC_NAME = '__name__'

/** What says which metric a series is of, and describes that metric. */
const METRIC_LABELS = [METRIC_NAME, '__type__', '__unit__']

export class Labels {
  /** Name, value, name, value, ... sorted by name. Not to be written to. */
  readonly flat: readonly string[]
  #key: string | undefined
  #nameless: Labels | undefined
  #jsonPlace = 0

  private constructor(flat: readonly string[]) {
    this.flat = flat
  }

  static readonly empty: Labels = new Labels([])

  /** From any record; empty and undefined values are dropped, as Prometheus does. */
  static of(record: Readonly<Record<string, string | undefined>>): Labels {
    const names = Object.keys(record).filter((name) => record[name] !== undefined && record[name] !== '')
    if (names.length > 1) names.sort(byBytes)
    return new Labels(names.flatMap((name) => [name, record[name]!]))
  }

  /** From a flat list that is already sorted, unique and without empty values: for decoders that have checked it. */
  static fromSorted(flat: readonly string[]): Labels {
    return flat.length === 0 ? Labels.empty : new Labels(flat)
  }

  /** From pairs in any order; a later pair of the same name wins. */
  static fromPairs(pairs: Iterable<readonly [string, string]>): Labels {
    const map = new Map(pairs)
    const names = [...map.keys()].filter((name) => map.get(name) !== '').sort(byBytes)
    return new Labels(names.flatMap((name) => [name, map.get(name)!]))
  }

  /** As `fromPairs`, from a flat list: name, value, name, value, ... */
  static fromFlat(flat: readonly string[]): Labels {
    const pairs: [string, string][] = []
    for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!])
    return Labels.fromPairs(pairs)
  }

  get size(): number {
    return this.flat.length / 2
  }

  /** The metric name, or ''. */
  get name(): string {
    return this.get(METRIC_NAME)
  }

  /** The value, or '' when absent: in Prometheus the two are the same. */
  get(name: string): string {
    const flat = this.flat
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1]!
    return ''
  }

  has(name: string): boolean {
    return this.get(name) !== ''
  }

  /** A string that is equal for equal sets and for no others (a lone surrogate parts it, which decoded text never holds). */
  get key(): string {
    this.#key ??= this.flat.join('\udfff')
    return this.#key
  }

  /** This set without its name and what describes the metric of that name; itself where there is nothing of it. Made once. */
  get nameless(): Labels {
    this.#nameless ??= this.#filter(METRIC_LABELS, false)
    return this.#nameless
  }

  /** Where this set lies among those that were written as JSON: a note of `answer/kept-labels.ts` and of nobody else; no part of the set. */
  get jsonPlace(): number {
    return this.#jsonPlace
  }

  set jsonPlace(place: number) {
    this.#jsonPlace = place
  }

  equals(other: Labels): boolean {
    return this === other || this.key === other.key
  }

  /** This set with one label set, or removed when `value` is ''. */
  with(name: string, value: string): Labels {
    const { flat } = this
    let at = 0
    while (at < flat.length && flat[at] !== name) at += 2
    const isThere = at < flat.length
    if (value === '' && !isThere) return this
    if (!isThere) {
      at = 0
      while (at < flat.length && byBytes(flat[at]!, name) < 0) at += 2
    }
    const changed = flat.slice()
    if (value === '') changed.splice(at, 2)
    else changed.splice(at, isThere ? 2 : 0, name, value)
    return Labels.fromSorted(changed)
  }

  /** This set with all of `record` on top. */
  withAll(record: Readonly<Record<string, string>>): Labels {
    return Labels.fromPairs([...this, ...Object.entries(record)])
  }

  without(...names: readonly string[]): Labels {
    return this.#filter(names, false)
  }

  keep(names: readonly string[]): Labels {
    return this.#filter(names, true)
  }

  #filter(names: readonly string[], keeps: boolean): Labels {
    const all = this.flat
    const flat: string[] = []
    for (let i = 0; i < all.length; i += 2) if (names.includes(all[i]!) === keeps) flat.push(all[i]!, all[i + 1]!)
    return flat.length === all.length ? this : Labels.fromSorted(flat)
  }

  *[Symbol.iterator](): Generator<[string, string], void, undefined> {
    for (let i = 0; i < this.flat.length; i += 2) yield [this.flat[i]!, this.flat[i + 1]!]
  }

  /** As on Prometheus' wire: `{"__name__":"up","job":"shop"}`. */
  toJSON(): Record<string, string> {
    return Object.fromEntries(this)
  }

  /** As Prometheus prints it: `up{job="shop"}`. */
  toString(): string {
    const pairs = [...this]
      .filter(([name]) => name !== METRIC_NAME)
      .map(([name, value]) => `${quoteName(name)}=${JSON.stringify(value)}`)
    const metric = this.name
    if (metric !== '' && !isLegacyName(metric)) return `{${[JSON.stringify(metric), ...pairs].join(', ')}}`
    return pairs.length === 0 && metric !== '' ? metric : `${metric}{${pairs.join(', ')}}`
  }
}

/** Order of two strings by their UTF-8 bytes (JavaScript's own order differs above U+FFFF). */
export function byBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      // A surrogate stands for a code point above U+FFFF and so sorts after every other unit.
      const xSurrogate = x >= 0xd800 && x <= 0xdfff
      const ySurrogate = y >= 0xd800 && y <= 0xdfff
      return xSurrogate === ySurrogate ? x - y : xSurrogate ? 1 : -1
    }
  }
  return a.length - b.length
}

const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** True for metric names that need no quotes in PromQL. */
export function isLegacyName(name: string): boolean {
  return LEGACY_METRIC.test(name)
}

/** True for label names that need no quotes in PromQL. */
export function isLegacyLabel(name: string): boolean {
  return LEGACY_LABEL.test(name)
}

function quoteName(name: string): string {
  return isLegacyLabel(name) ? name : JSON.stringify(name)
}
