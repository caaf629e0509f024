/**
 * Day sketches on disk: one fact for each day, key and service, at most 22 KB, for KEEP_DAYS days.
 *
 * A day is written when it has changed, at most once a minute: what a crash loses is still in the agents, which tell today and yesterday
 * whole each time they are asked.
 */
import type { Json, State, Write } from '#state'
import { addDays, type Day, isDay } from './answer.ts'
import type { KnownDay } from './known-users.ts'
import { DAY_KIND, Sketch } from './sketch.ts'

const COLLECTION = 'users'
export const KEEP_DAYS = 400
/** Of one service: days times keys. */
const MAX_FACTS = 10_000

export class KeptDays {
  readonly #state: State
  readonly #service: string

  constructor(state: State, service: string) {
    this.#state = state
    this.#service = service
  }

  /**
   * Days from `from` on; what is older than KEEP_DAYS before `today` is forgotten. What cannot be read is passed over: a count that is
   * too low is better than none. Reads all days there are, some 9 MB of a big service: for a start, and once a day.
   */
  async read(from: Day, today: Day): Promise<readonly KnownDay[]> {
    const days: KnownDay[] = []
    const old: Write[] = []
    const oldest = addDays(today, -KEEP_DAYS)
    for (const { id, value } of await this.#state.list(COLLECTION, { prefix: `${this.#service}/`, limit: MAX_FACTS })) {
      const [day, key] = this.#placeOf(id)
      if (day === undefined || key === undefined || day < oldest)
        old.push({ kind: 'delete', collection: COLLECTION, id })
      else if (day >= from) {
        const sketch = Sketch.tryFrom(value, DAY_KIND)
        if (sketch !== undefined) days.push({ day, key, sketch, timeZone: zoneOf(value) })
      }
    }
    if (old.length > 0) await this.#state.write(old)
    return days
  }

  /**
   * Writes days, merged with what is there: two definitions of one service follow each other, and the one that goes may write last.
   * Rejects as `State.write` does.
   */
  async write(days: readonly KnownDay[]): Promise<void> {
    const batch: Write[] = []
    for (const { day, key, timeZone, sketch } of days) {
      const id = `${this.#service}/${day}/${key}`
      const there = Sketch.tryFrom(await this.#state.get(COLLECTION, id), DAY_KIND)
      if (there !== undefined) sketch.merge(there)
      batch.push({ kind: 'put', collection: COLLECTION, id, value: { ...sketch.toData(), timeZone } })
    }
    if (batch.length > 0) await this.#state.write(batch)
  }

  #placeOf(id: string): readonly [day: Day | undefined, key: string | undefined] {
    const [day, key] = id.slice(this.#service.length + 1).split('/')
    return isDay(day) ? [day, key] : [undefined, key]
  }
}

function zoneOf(value: Json): string {
  const zone = typeof value === 'object' && value !== null && 'timeZone' in value ? value.timeZone : undefined
  return typeof zone === 'string' ? zone : 'UTC'
}
