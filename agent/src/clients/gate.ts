/**
 * Who may enter a full table: a Count-Min sketch (Cormode and Muthukrishnan, 2005) of two rows with conservative update (Estan and
 * Varghese, 2002), so that a flood of addresses that come once each costs two places of a table and no more.
 *
 * - An estimate is never below the truth (until 65,535, where it stays) and above it by what others put into both places.
 * - `noise` is what a client is expected to have been given by others: in a flood the estimates of all rise together, and whoever
 *   does not stand out from it must not enter.
 * - The hashes are keyed: nobody can choose addresses that fall into one place.
 * - 32 KiB, of one thread.
 */
const ROW = 8_192
const MASK = ROW - 1
const MOST = 65_535
/** Between the mean of a place and what hardly any place of an even flood exceeds. */
const NOISE_FACTOR = 1.5

export class Gate {
  readonly #cells = new Uint16Array(2 * ROW)
  #total = 0

  /** Adds, and answers how much has come of this one at most. `hi`, `lo`: two independent hashes. */
  add(hi: number, lo: number, weight: number): number {
    const cells = this.#cells
    const one = hi & MASK
    const other = ROW + (lo & MASK)
    const [a, b] = [cells[one]!, cells[other]!]
    const least = Math.min(MOST, (a < b ? a : b) + weight)
    if (a < least) cells[one] = least
    if (b < least) cells[other] = least
    this.#total += weight
    return least
  }

  get noise(): number {
    return (this.#total / ROW) * NOISE_FACTOR
  }

  clear(): void {
    if (this.#total === 0) return
    this.#cells.fill(0)
    this.#total = 0
  }
}
