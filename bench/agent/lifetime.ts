/**
 * What a way costs a process that does nothing yet: CPU and memory until it listens, and being woken while it is idle.
 *
 * - Start-up: fresh processes, all ways in turn, forward and backward; CPU and RSS as the process says itself when it listens.
 * - Idle: all processes at once, after a rest, over some seconds; the system's count of voluntary switches and CPU of every thread.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { openSink, restOf, startService } from './child.ts'
import { inTurn, median, short, table } from './figures.ts'
import { type Kind, type Way, waysFor } from './ways.ts'

export type LifetimeFigures = {
  readonly kind: Kind
  readonly way: Way
  readonly startCpuMs: number
  readonly addedStartCpuMs: number
  readonly startRssMib: number
  readonly addedStartRssMib: number
  readonly idleCpuUsPerSecond: number
  readonly wakeUpsPerSecond: number
}

export async function measureLifetime(isFull: boolean, kinds: readonly Kind[] = ['plain']): Promise<LifetimeFigures[]> {
  const rounds = isFull ? 12 : 6
  const idleSeconds = isFull ? 20 : 6
  const figures: LifetimeFigures[] = []
  using sink = await openSink()
  for (const kind of kinds) {
    const ways = waysFor(kind)
    const starts = new Map<Way, { cpu: number; rss: number }[]>(ways.map((way) => [way, []]))
    for (let round = 0; round < rounds; round++) {
      for (const way of inTurn(ways, round)) {
        await using service = await startService(kind, way, { sink: sink.port })
        const { cpu, rss } = service.ready
        starts.get(way)!.push({ cpu: cpu / 1_000, rss: rss / 2 ** 20 })
      }
    }
    const idle = new Map<Way, { cpu: number; wakeUps: number }>()
    await using stack = new AsyncDisposableStack()
    const services = await Promise.all(
      ways.map(async (way) => ({
        way,
        pid: stack.use(await startService(kind, way, { sink: sink.port })).process.pid ?? 0,
      })),
    )
    // What the start leaves behind (a collection of garbage, a compilation) is not idleness.
    await wait(3_000)
    const before = services.map(({ pid }) => restOf(pid))
    await wait(idleSeconds * 1_000)
    for (const [i, { way, pid }] of services.entries()) {
      const after = restOf(pid)
      idle.set(way, {
        cpu: (after.cpu - before[i]!.cpu) / idleSeconds,
        wakeUps: (after.wakeUps - before[i]!.wakeUps) / idleSeconds,
      })
    }
    const bare = starts.get('none')!
    for (const [way, own] of starts) {
      figures.push({
        kind,
        way,
        startCpuMs: median(own.map(({ cpu }) => cpu)),
        addedStartCpuMs: median(own.map(({ cpu }, i) => cpu - bare[i]!.cpu)),
        startRssMib: median(own.map(({ rss }) => rss)),
        addedStartRssMib: median(own.map(({ rss }, i) => rss - bare[i]!.rss)),
        idleCpuUsPerSecond: idle.get(way)!.cpu,
        wakeUpsPerSecond: idle.get(way)!.wakeUps,
      })
    }
  }
  return figures
}

export function tellLifetime(figures: readonly LifetimeFigures[]): string {
  return table(
    ['service', 'way', 'start, ms CPU', 'added', 'RSS, MiB', 'added', 'idle, µs/s', 'woken, 1/s'],
    figures.map((one) => [
      one.kind,
      one.way,
      short(one.startCpuMs),
      one.way === 'none' ? '' : short(one.addedStartCpuMs),
      one.startRssMib.toFixed(0),
      one.way === 'none' ? '' : one.addedStartRssMib.toFixed(1),
      short(one.idleCpuUsPerSecond),
      short(one.wakeUpsPerSecond),
    ]),
  )
}
