/** Wakes those who wait for something to have changed; they look themselves what it was. */
export class Notice {
  #waiting: (() => void)[] = []

  wait(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve))
  }

  give(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
