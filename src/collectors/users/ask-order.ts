/**
 * Whom to ask first when there is not the time for all: who has waited longest, and after all others those who did not answer last time.
 *
 * So instances that are dead take no time from those that live, and of very many each has its turn.
 */
type Asked = { readonly round: number; readonly answered: boolean }

export class AskOrder {
  #round = 0
  #last = new Map<string, Asked>()

  /** Begins a round: those that are there, in their order. Who has gone is forgotten. */
  begin<Agent extends { readonly address: string }>(agents: readonly Agent[]): Agent[] {
    this.#round++
    const last = new Map<string, Asked>()
    for (const { address } of agents) {
      const known = this.#last.get(address)
      if (known !== undefined) last.set(address, known)
    }
    this.#last = last
    const rank = ({ address }: Agent): number => {
      const { round, answered } = last.get(address) ?? { round: 0, answered: true }
      return answered ? round : round + this.#round
    }
    return agents.toSorted((one, other) => rank(one) - rank(other))
  }

  /** One has been asked in this round. */
  asked(address: string, answered: boolean): void {
    this.#last.set(address, { round: this.#round, answered })
  }
}
