/**
 * How busy a day is, hour by hour: pure. A day of the demo lasts ten minutes.
 *
 * Never silent: a policy on a ratio needs some traffic to judge by, even at night.
 */
export const DAY_MS = 10 * 60_000

export type Persona = 'customers' | 'staff' | 'partners'

/** Share of the busiest hour, hour 0 to 23, as a shop, an office and a machine-to-machine interface know it. */
const HOURS: Readonly<Record<Persona, readonly number[]>> = {
  customers: [40, 36, 35, 35, 36, 40, 48, 56, 62, 66, 70, 76, 80, 78, 74, 72, 74, 80, 90, 98, 100, 92, 74, 54],
  staff: [56, 55, 55, 55, 55, 56, 60, 74, 92, 100, 98, 94, 78, 84, 96, 96, 90, 78, 66, 60, 58, 57, 56, 56],
  partners: [60, 60, 58, 58, 60, 62, 66, 74, 86, 94, 98, 100, 94, 96, 98, 94, 88, 80, 74, 70, 68, 66, 64, 62],
}

/** Between 0 and 1, without steps: hours are joined by straight lines. `at` is any instant; days repeat. */
export function busyness(persona: Persona, at: number): number {
  const hours = HOURS[persona]
  const hour = ((at % DAY_MS) / DAY_MS) * 24
  const from = Math.floor(hour)
  const share = hour - from
  return (hours[from % 24]! * (1 - share) + hours[(from + 1) % 24]! * share) / 100
}
