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

  /** Days from `from` on. What cannot be read is passed over: a count that is too low is better than none. */
  async read(from: Day): Promise<readonly KnownDay[]> {
    const days: KnownDay[] = []
    for (const { id, value } of await this.#all()) {
      const [day, key] = this.#placeOf(id)
      const sketch = Sketch.tryFrom(value, DAY_KIND)
      if (day === undefined || key === undefined || day < from || sketch === undefined) continue
      days.push({ day, key, sketch, timeZone: zoneOf(value) })
    }
    return days
  }

  /** Writes the days, and forgets what is older than KEEP_DAYS before `today`. Rejects as `State.write` does. */
  async write(days: readonly KnownDay[], today: Day): Promise<void> {
    const oldest = addDays(today, -KEEP_DAYS)
    const old = (await this.#all()).filter(({ id }) => {
      const [day] = this.#placeOf(id)
      return day === undefined || day < oldest
    })
    const batch: Write[] = [
      ...old.map(({ id }): Write => ({ kind: 'delete', collection: COLLECTION, id })),
      ...days.map(
        ({ day, key, timeZone, sketch }): Write => ({
          kind: 'put',
          collection: COLLECTION,
          id: `${this.#service}/${day}/${key}`,
          value: { ...sketch.toData(), timeZone },
        }),
      ),
    ]
    if (batch.length > 0) await this.#state.write(batch)
  }

  #all() {
    return this.#state.list(COLLECTION, { prefix: `${this.#service}/`, limit: MAX_FACTS })
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
