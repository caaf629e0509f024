/** What an agent would answer, from plain lists of ids. Minutes are counted from that of `at`. */
import { DAY_KIND, MINUTE_KIND, Sketch, type SketchKind } from './sketch.ts'

export type Answered = {
  readonly key: string
  readonly at: number
  readonly timeZone?: string
  readonly days: Readonly<Record<string, readonly number[]>>
  readonly minutes: Readonly<Record<string, readonly number[]>>
}

export function formatDays({ key, at, timeZone = 'UTC', days, minutes }: Answered): object {
  const of = (ids: readonly number[], kind: SketchKind) => {
    const sketch = new Sketch(kind)
    for (const id of ids) sketch.addId(id)
    return sketch.toData()
  }
  return {
    format: 1,
    service: 'shop',
    startedAt: 1,
    ...{ key, timeZone, at },
    days: Object.entries(days).map(([day, ids]) => ({ day, ...of(ids, DAY_KIND) })),
    minutes: Object.entries(minutes).map(([back, ids]) => ({
      minute: Math.floor(at / 60_000) + Number(back),
      ...of(ids, MINUTE_KIND),
    })),
  }
}
