/**
 * What a way costs a request at saturation: added CPU and garbage, requests a second against none.
 *
 * - All ways of a kind run at once, each in a process of its own; load goes to one after the other in short windows, forward and backward,
 *   so that a machine that drifts meets all alike. A way's window counts against the bare one of the same round.
 * - CPU is the process' own accounting, so the load and the neighbours disturb less than they would a wall clock. Processes are made anew
 *   a few times: a process has luck with its heap and its compiled code.
 */
import { type Child, openSink, startService } from './child.ts'
import { inTurn, median, short, table } from './figures.ts'
import { load } from './load.ts'
import { KINDS, type Kind, type Way, waysFor } from './ways.ts'

export type RequestFigures = {
  readonly kind: Kind
  readonly way: Way
  /** Microseconds of CPU a request, and those above the bare service's. */
  readonly cpu: number
  readonly addedCpu: number
  /** Requests a second against the bare service's. */
  readonly speed: number
  /** Bytes of garbage a request above the bare service's. */
  readonly addedBytes: number
  readonly rssMib: number
}

type Window = { readonly cpu: number; readonly rate: number; readonly bytes: number }

export async function measureRequests(
  isFull: boolean,
  kinds: readonly Kind[] = KINDS,
  ways: (kind: Kind) => readonly Way[] = waysFor,
): Promise<RequestFigures[]> {
  const generations = isFull ? 5 : 2
  const rounds = isFull ? 8 : 4
  const requests = isFull ? 12_000 : 6_000
  const figures: RequestFigures[] = []
  using sink = await openSink()
  for (const kind of kinds) {
    const windows = new Map<Way, Window[]>(ways(kind).map((way) => [way, []]))
    const rss = new Map<Way, number[]>(ways(kind).map((way) => [way, []]))
    for (let generation = 0; generation < generations; generation++) {
      await using stack = new AsyncDisposableStack()
      const services = new Map<Way, Child>()
      for (const way of ways(kind)) services.set(way, stack.use(await startService(kind, way, sink.port)))
      for (const [, { ready }] of services) await load(ready.port, requests)
      for (let round = 0; round < rounds; round++) {
        for (const [way, service] of inTurn([...services], round))
          windows.get(way)!.push(await window(service, requests))
      }
      for (const [way, service] of services) rss.get(way)!.push((await service.usage()).rss / 2 ** 20)
    }
    const bare = windows.get('none')!
    for (const [way, own] of windows) {
      const against = (take: (own: Window, bare: Window) => number): number =>
        median(own.map((one, i) => take(one, bare[i]!)))
      figures.push({
        kind,
        way,
        cpu: median(own.map(({ cpu }) => cpu)),
        addedCpu: against((one, none) => one.cpu - none.cpu),
        speed: against((one, none) => one.rate / none.rate),
        addedBytes: against((one, none) => one.bytes - none.bytes),
        rssMib: median(rss.get(way)!),
      })
    }
  }
  return figures
}

async function window({ ready, usage }: Child, requests: number): Promise<Window> {
  const before = await usage()
  const milliseconds = await load(ready.port, requests)
  const after = await usage()
  return {
    cpu: (after.cpu - before.cpu) / requests,
    rate: requests / milliseconds,
    bytes: (after.allocated - before.allocated) / requests,
  }
}

export function tellRequests(figures: readonly RequestFigures[]): string {
  return table(
    ['service', 'way', 'CPU, µs a request', 'added', 'requests/s', 'garbage added, B', 'RSS, MiB'],
    figures.map(({ kind, way, cpu, addedCpu, speed, addedBytes, rssMib }) => [
      kind,
      way,
      short(cpu),
      way === 'none' ? '' : short(addedCpu),
      way === 'none' ? '1' : speed.toFixed(2),
      way === 'none' ? '' : short(addedBytes),
      rssMib.toFixed(0),
    ]),
  )
}
