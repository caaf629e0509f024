/**
 * What 2.0 tells with each series of its type, help and unit, kept once for each family.
 *
 *   Metadata { 1: type, 3: uint32 help ref, 4: uint32 unit ref }
 */
import { METRIC_NAME, type ProtoReader, varintTag } from '#core'
import type { Metadata } from '#storage'
import type { Decoded } from './decoded.ts'
import { familyOf, metricType } from './metric-type.ts'
import type { Symbols } from './symbols.ts'

/** The numbers of a type and of two symbols. */
export type SentMetadata = { readonly type: number; readonly help: number; readonly unit: number }

export class ToldMetadata {
  readonly #symbols: Symbols
  readonly #into: Decoded
  /** The place of a family among the metadata of the request. */
  readonly #families = new Map<string, number>()
  /** What the last series that was `repeat`ed told, and under which name. */
  #last: { readonly sent: SentMetadata; readonly name: number } | undefined

  constructor(symbols: Symbols, into: Decoded) {
    this.#symbols = symbols
    this.#into = into
  }

  /** `undefined`: nothing is told. */
  read(sent: SentMetadata | undefined): Metadata | undefined {
    if (sent === undefined) return undefined
    const help = this.#symbols.textOf(sent.help) ?? ''
    const unit = this.#symbols.textOf(sent.unit) ?? ''
    const type = metricType(sent.type)
    return type === 'unknown' && help === '' && unit === '' ? undefined : { type, help, unit }
  }

  /** The last one told of a family holds. */
  keep(name: string, told: Metadata): void {
    const family = familyOf(name, told.type)
    const one = { family, ...told }
    const place = this.#families.get(family)
    if (place === undefined) {
      this.#into.budget.spend('metadata entries')
      this.#families.set(family, this.#into.metadata.push(one) - 1)
    } else this.#into.metadata[place] = one
    this.#last = undefined
  }

  /**
   * As `read` and `keep`, for a series of which only the references are known; false when nothing is told. The series of a family mostly stand
   * together and tell the same: that is seen by its numbers.
   */
  repeat(sent: SentMetadata, refs: Int32Array, count: number): boolean {
    let name = 0
    for (let i = 0; i < count && name === 0; i += 2)
      if (this.#symbols.textOf(refs[i]!) === METRIC_NAME) name = refs[i + 1]!
    const last = this.#last
    if (last !== undefined && last.name === name && isSame(last.sent, sent)) return true
    const told = this.read(sent)
    if (told === undefined) return false
    this.keep(this.#symbols.textOf(name) ?? '', told)
    this.#last = { sent, name }
    return true
  }
}

function isSame(a: SentMetadata, b: SentMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit
}

export function readMetadata(reader: ProtoReader, end: number): SentMetadata {
  let type = 0
  let help = 0
  let unit = 0
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === varintTag(1)) type = reader.varint()
    else if (tag === varintTag(3)) help = reader.uvarint()
    else if (tag === varintTag(4)) unit = reader.uvarint()
    else reader.skip(tag)
  }
  reader.expect(end)
  return { type, help, unit }
}
