/**
 * Selections that were asked for, each in order of labels: a dashboard and a rule ask the same again and again.
 *
 * - Kept by the text of the matchers, the one that was used longest ago leaves first. Bounded in bytes.
 * - A selection says how many series had arrived when it was made and how many had gone: whoever asks adds those that came since
 *   (label-index.ts), and makes it anew when some are gone.
 */
import type { Matcher } from '#core'

export type Selection = {
  /** Ordered by labels. Never written to once it is here. */
  readonly slots: Uint32Array
  readonly arrived: number
  readonly gone: number
}

const MAX_BYTES = 2 * 1024 * 1024
/** Of an entry beside its slots: the key and what the map takes. */
const ENTRY_BYTES = 256

export class Selections {
  readonly #kept = new Map<string, Selection>()
  #bytes = 0

  get sizeBytes(): number {
    return this.#bytes
  }

  /** Moves what it finds to the end of those that leave. */
  get(key: string): Selection | undefined {
    const found = this.#kept.get(key)
    if (found === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, found)
    return found
  }

  set(key: string, selection: Selection): void {
    this.#delete(key)
    const bytes = bytesOf(key, selection)
    if (bytes > MAX_BYTES / 2) return
    this.#kept.set(key, selection)
    this.#bytes += bytes
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MAX_BYTES) break
      this.#delete(oldest)
    }
  }

  #delete(key: string): void {
    const found = this.#kept.get(key)
    if (found === undefined) return
    this.#kept.delete(key)
    this.#bytes -= bytesOf(key, found)
  }
}

/** Two lists of matchers with one key select the same. */
export function keyOf(matchers: readonly Matcher[]): string {
  let key = ''
  for (let i = 0; i < matchers.length; i++) {
    const { op, name, value } = matchers[i]!
    // Names and values are well-formed: a lone surrogate stands in none of them.
    key += `${op}${name}\udfff${value}\udfff`
  }
  return key
}

function bytesOf(key: string, { slots }: Selection): number {
  return slots.byteLength + key.length * 2 + ENTRY_BYTES
}
