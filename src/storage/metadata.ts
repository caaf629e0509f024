/**
 * What is known of a metric family: type, help, unit.
 *
 * - Bounded in families and in characters: those whose metadata came or changed longest ago leave first, and come again with the
 *   next scrape that names them. Of a help text beyond `MAX_HELP` the rest is left out.
 * - Texts are copied: a help text cut out of a scraped page would keep the whole page alive.
 * - Kept in memory; `revision` tells whoever keeps it elsewhere that there is something new.
 */
export const METRIC_TYPES = [
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
] as const
export type MetricType = (typeof METRIC_TYPES)[number]
export type Metadata = { readonly type: MetricType; readonly help: string; readonly unit: string }

const MAX_FAMILIES = 50_000
const MAX_CHARACTERS = 32 * 1024 * 1024
const MAX_HELP = 64 * 1024

/** What is kept of a family: its name and what it is, in texts of their own. */
type Kept = { readonly name: string; readonly metadata: Metadata }

export class MetadataStore {
  readonly #families = new Map<string, Kept>()
  #evicted = 0
  #characters = 0
  #revision = 0

  /** Grows with every change. */
  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.#families.size
  }

  /** Of all names, help texts and units. */
  get characters(): number {
    return this.#characters
  }

  /** Families that had to make room for others. */
  get evicted(): number {
    return this.#evicted
  }

  /** The last one to say what a family is counts. Returns what is kept. */
  set(family: string, metadata: Metadata): Kept {
    const known = this.#families.get(family)
    const help = metadata.help.length > MAX_HELP ? metadata.help.slice(0, MAX_HELP) : metadata.help
    if (known !== undefined) {
      const { type, help: knownHelp, unit } = known.metadata
      if (type === metadata.type && knownHelp === help && unit === metadata.unit) return known
      this.#remove(known)
    }
    const own = { type: metadata.type, help: copyOf(help), unit: copyOf(metadata.unit) }
    const kept = { name: copyOf(family), metadata: own }
    this.#families.set(kept.name, kept)
    this.#characters += charactersOf(kept)
    this.#revision++
    while (this.#families.size > MAX_FAMILIES || this.#characters > MAX_CHARACTERS) {
      this.#remove(this.#families.values().next().value!)
      this.#evicted++
    }
    return kept
  }

  get(family: string): Metadata | undefined {
    return this.#families.get(family)?.metadata
  }

  *[Symbol.iterator](): Generator<[string, Metadata], void, undefined> {
    for (const { name, metadata } of this.#families.values()) yield [name, metadata]
  }

  #remove(kept: Kept): void {
    this.#families.delete(kept.name)
    this.#characters -= charactersOf(kept)
  }
}

function charactersOf({ name, metadata: { help, unit } }: Kept): number {
  return name.length + help.length + unit.length
}

/** Own bytes; a text that is not well-formed stays as it is, as its copy would be another one. */
function copyOf(text: string): string {
  return text.isWellFormed() ? Buffer.from(text).toString() : text
}
