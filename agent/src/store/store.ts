/**
 * Every series of the agent, in memory that its threads share.
 *
 * - A family is declared once; recording is an addition at a known place (slot.ts).
 * - `shared` is all that another thread needs: it reads names and places from the journal (store-reader.ts).
 * - Memory is bounded: series by `maxSeries` a family, what is gone by writing the journal anew.
 */
import { Family, type FamilySpec } from './family.ts'
import { Journal } from './journal.ts'
import { readJournal, textAt } from './journal-reader.ts'
import { DEFAULT_MAX_SERIES } from './limits.ts'
import { Numbers, type SharedStore } from './memory.ts'

/** So many series have to be gone, and to be half of all, for the journal to be written anew. */
const WORTH_REWRITING = 1_000

/** Brings gauges up to date before they are read. */
export type Collector = () => void | Promise<void>

export class Store {
  readonly #families = new Map<string, Family>()
  readonly #numbers = new Numbers()
  readonly #journal = new Journal()
  readonly collectors: Collector[] = []
  /** The most series of a family that does not name its own limit; may be set until the families fill. */
  maxSeries = DEFAULT_MAX_SERIES

  get shared(): SharedStore {
    return { numbers: this.#numbers.buffer, journal: this.#journal.buffer }
  }

  /** Bytes of shared memory in use. */
  get usedBytes(): number {
    return this.#numbers.usedBytes + this.#journal.usedBytes
  }

  /** The family of that name. The first declaration holds; one of another kind or with other bounds is an error. */
  family(spec: FamilySpec): Family {
    const family = this.tryFamily(spec)
    if (family !== undefined) return family
    const known = this.#families.get(spec.name)
    throw new TypeError(
      `ASSAY_AGENT_METRIC: ${spec.name} is already a ${known?.kind}; give this ${spec.kind} another name`,
    )
  }

  /** The same; undefined where it would be an error. */
  tryFamily(spec: FamilySpec): Family | undefined {
    const known = this.#families.get(spec.name)
    if (known !== undefined) {
      if (known.kind !== spec.kind || String(known.bounds) !== String(spec.bounds ?? [])) return undefined
      if (spec.needsLoop === true) known.needLoop()
      return known
    }
    const place = { id: this.#families.size, numbers: this.#numbers, journal: this.#journal }
    const family = new Family(spec, place, () => spec.maxSeries ?? this.maxSeries)
    this.#families.set(spec.name, family)
    return family
  }

  /** The same; where the application has taken the name for something else, one that is on no page. */
  familyOrAside(spec: FamilySpec): Family {
    return this.tryFamily(spec) ?? new Store().family(spec)
  }

  families(): Iterable<Family> {
    return this.#families.values()
  }

  /** Writes the journal anew when most of it is of series that are gone. Cheap when it is not. */
  tidy(): void {
    let gone = 0
    let held = 0
    for (const family of this.#families.values()) {
      gone += family.gone
      held += family.size
    }
    if (gone < WORTH_REWRITING || gone < held) return
    const labels = new Map<number, Map<number, string>>()
    readJournal(this.#journal.buffer, {
      onFamily: ({ id }) => void (labels.has(id) || labels.set(id, new Map())),
      onSeries: (family, place, at, length) => labels.get(family)?.set(place, textAt(this.#journal.buffer, at, length)),
      onGone: (family, place) => labels.get(family)?.delete(place),
    })
    this.#journal.rewrite(() => {
      let id = 0
      for (const family of this.#families.values()) family.rewrite(labels.get(id++) ?? new Map())
    })
  }
}
