/** How far a long command is: one line that is written over on a terminal, a line every ten seconds elsewhere. On standard error. */

type Output = { readonly isTTY?: boolean; readonly write: (text: string) => unknown }

const ON_TERMINAL_MS = 100
const ELSEWHERE_MS = 10_000

export class Progress implements Disposable {
  readonly #output: Output
  readonly #now: () => number
  #toldAt: number
  #isShown = false

  constructor(now: () => number, output: Output = process.stderr) {
    this.#output = output
    this.#now = now
    this.#toldAt = now()
  }

  /** Shows it, unless something was shown a moment ago. */
  tell(text: () => string): void {
    const { isTTY = false } = this.#output
    const now = this.#now()
    if (now - this.#toldAt < (isTTY ? ON_TERMINAL_MS : ELSEWHERE_MS)) return
    this.#toldAt = now
    this.#output.write(isTTY ? `\r\x1b[K${text()}` : `${text()}\n`)
    this.#isShown = isTTY
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    if (this.#isShown) this.#output.write('\r\x1b[K')
    this.#isShown = false
  }
}

/** `1,234,567`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

/** `12.3 MiB`. */
export function sized(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  let size = bytes
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`
}
