/**
 * A server with the real engine over the simplest store, and the measure by which it is kept alive: while it works on what it
 * was asked, it answers `/-/healthy` in between.
 */
import assert from 'node:assert/strict'
import { Labels, unixMs } from '#core'
import { createEngine, type EngineLimits } from '#promql'
import { memoryStore, type Store } from '#storage'
import { type Answer, openWorld, type World, type WorldOptions } from '../../src/server/server.test-support.ts'

export type BadWorld = World & {
  readonly db: Store
  /** By POST, as long expressions come. `path` is `query`, or what stands behind it. */
  readonly ask: (path: string, params: Readonly<Record<string, string | number>>) => Promise<Answer>
}

export async function openBadWorld(limits: EngineLimits = {}, options: WorldOptions = {}): Promise<BadWorld> {
  const db = memoryStore()
  const { query } = createEngine({ store: (start, end) => db.querier(unixMs(start), unixMs(end)), limits })
  const world = await openWorld({ query, ...options, deps: { store: db, ...options.deps } })
  const ask: BadWorld['ask'] = (path, params) => {
    const pairs = Object.entries(params).map(([name, value]) => [name, String(value)])
    return world.get(`/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(pairs) })
  }
  // What changes in the world stays seen: its own getters are kept.
  return Object.assign(world, { db, ask })
}

/** So many series of a metric `m`, one sample each. */
export function fill(db: Store, series: number, at: number): void {
  using batch = db.appender()
  for (let i = 0; i < series; i++)
    batch.append(undefined, Labels.of({ __name__: 'm', i: String(i), group: String(i % 7) }), unixMs(at), i)
  batch.commit()
}

/** Processor time between two answers of a server that gives way; what a refusal takes at once is below it. */
const MOST_BETWEEN_MS = 400

/** Asks for health all the while. Fails when the work kept the loop to itself: judged by answers for processor time. */
export async function whileHealthy<T>(world: World, work: () => Promise<T>): Promise<T> {
  const asked = { done: false, answers: 0 }
  const before = process.cpuUsage()
  const result = work().finally(() => {
    asked.done = true
  })
  while (!asked.done) {
    const { status } = await world.get('/-/healthy')
    assert.equal(status, 200)
    asked.answers++
  }
  const value = await result
  const { user, system } = process.cpuUsage(before)
  const spentMs = (user + system) / 1000
  assert.ok(spentMs / (asked.answers + 1) < MOST_BETWEEN_MS, `${asked.answers} answers in ${spentMs} ms of work`)
  return value
}
