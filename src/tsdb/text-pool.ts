/**
 * Own copies of label texts, each once for all series: a label cut out of a scraped page would keep the whole page alive.
 */
import type { Labels } from '#core'

export class TextPool {
  readonly #texts = new Map<string, string>()

  own(text: string): string {
    let own = this.#texts.get(text)
    if (own === undefined) {
      own = Buffer.from(text).toString()
      this.#texts.set(own, own)
    }
    return own
  }

  /** Forgets what none of these has: one walk over all of them. */
  keepThoseOf(all: readonly (Labels | undefined)[]): void {
    const used = new Set<string>()
    for (const labels of all) if (labels !== undefined) for (const text of labels.flat) used.add(text)
    for (const text of this.#texts.keys()) if (!used.has(text)) this.#texts.delete(text)
  }
}
