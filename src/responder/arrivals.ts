/**
 * Firing alerts between the rules and the loop: what no turn has looked at yet, one per key, bounded.
 * An alert that ends before the next turn stays until it was looked at.
 */
import type { Alert, RuleGroup } from '#rules'
import { type FiringAlert, keyOf, PART_DOWN } from './detect.ts'
import type { PolicySpec } from './types.ts'

export type Arrival = FiringAlert & { readonly key: string }

const MAX_ARRIVALS = 10_000

export class Arrivals {
  readonly #policy: (id: string) => PolicySpec | undefined
  readonly #blind: (part: string) => string | undefined
  #waiting = new Map<string, Arrival>()
  readonly #expressions = new Map<string, string>()

  constructor(policy: (id: string) => PolicySpec | undefined, blind: (part: string) => string | undefined) {
    this.#policy = policy
    this.#blind = blind
  }

  /** After an evaluation. Rules without a `policy` label are none of the loop's. */
  take(alerts: readonly Alert[], group: RuleGroup): void {
    for (const rule of group.rules) {
      const { policy, part } = rule.labels
      if (rule.kind !== 'alert' || policy === undefined) continue
      this.#expressions.set(keyOf(this.#policy(policy), { policy, part }), rule.expr)
    }
    for (const alert of alerts) {
      const policy = alert.labels.get('policy')
      if (policy === '' || alert.state !== 'firing') continue
      const part = alert.labels.get('part') || undefined
      const key = keyOf(this.#policy(policy), { policy, part })
      if (this.#waiting.size >= MAX_ARRIVALS && !this.#waiting.has(key)) continue
      this.#waiting.set(key, {
        key,
        policy,
        part,
        value: alert.value,
        activeAt: alert.activeAt,
        summary: alert.annotations['summary'] ?? '',
        reason: part === undefined ? '' : (this.#blind(part) ?? ''),
      })
    }
  }

  /** Parts that are down come first: they are the causes of the others. */
  drain(): readonly Arrival[] {
    const waiting = [...this.#waiting.values()]
    this.#waiting = new Map()
    return waiting.toSorted((a, b) => Number(b.policy === PART_DOWN) - Number(a.policy === PART_DOWN))
  }

  /** One that could not be dealt with: for the next turn. */
  putBack(arrival: Arrival): void {
    if (!this.#waiting.has(arrival.key)) this.#waiting.set(arrival.key, arrival)
  }

  /** The expression of the rule behind a key; known from its first evaluation on. */
  expression(key: string): string | undefined {
    return this.#expressions.get(key)
  }
}
