/**
 * What a way costs a request at saturation: added CPU and garbage, requests a second against none.
 *
 * - All ways of a kind run at once, each in a process of its own; load goes to one after the other in short windows, in an order that is
 *   drawn anew for each round. In a fixed order, forward and backward, the first way is the last one's neighbour and its own: the control
 *   showed 0.91 there. A way's window counts against the bare one of the same round.
 * - A process has luck with its memory and its compiled code, and keeps it. So processes are made anew, in an order drawn anew, for each
 *   generation; a generation is one figure (the median of its rounds), and its spread over generations is told beside the median.
 *   What `off` shows is how far the table can be trusted: it should be 1.
 * - V8 sizes the young generation in the first half second, by what happens to survive then, and keeps it: 1.6 MiB for the plain service
 *   and 1.6 or 3.2 for the same with the agent, 6.5 in Fastify and 3.3 or 6.5 with the agent, from build to build. That makes up to 2 us a
 *   request, and anything that is loaded may decide it, either way. So all ways have the 16 MiB that it may have at most;
 *   `--default-heap` leaves it to V8, as a process by itself does.
 * - CPU is the process' own accounting, so the load and the neighbours disturb less than they would a wall clock.
 */
import { type Child, openSink, startService } from './child.ts'
import { median, randomFrom, type Spread, short, shuffled, spread, table } from './figures.ts'
import { Load } from './load.ts'
import { KINDS, type Kind, type Way, waysFor } from './ways.ts'

export type RequestOptions = {
  readonly isFull: boolean
  readonly kinds: readonly Kind[]
  /** `none` always runs, as all else is told against it. */
  readonly ways: readonly Way[]
  /** How often processes are made anew; undefined: as often as `isFull` says. */
  readonly generations: number | undefined
  /** Whether V8 sizes the young generation. */
  readonly hasDefaultHeap: boolean
  /** Of the order of windows and processes. */
  readonly seed: number
}

export type RequestFigures = {
  readonly kind: Kind
  readonly way: Way
  /** Microseconds of CPU a request, and those above the bare service's. */
  readonly cpu: number
  readonly addedCpu: Spread
  /** Requests by a second of CPU, and by a second, against the bare service's. */
  readonly speedByCpu: Spread
  readonly speed: Spread
  /** Bytes of garbage a request above the bare service's. */
  readonly addedBytes: number
  readonly rssMib: number
}

type Window = { readonly cpu: number; readonly rate: number; readonly bytes: number }
type Running = { readonly way: Way; readonly service: Child; readonly load: Load }
/** What a way was in one generation, against the bare service of the same. */
type Generation = {
  readonly cpu: number
  readonly addedCpu: number
  readonly speedByCpu: number
  readonly speed: number
  readonly addedBytes: number
  readonly rssMib: number
}

/** Until Node's server and the framework are compiled as they stay. */
const WARM_UP = 15_000
/** Unmeasured, before each window: the processor's caches are the other processes'. */
const SETTLE = 300
const REQUESTS = 3_000
const YOUNG_GENERATION = ['--min-semi-space-size=16', '--max-semi-space-size=16']

export async function measureRequests(options: RequestOptions): Promise<RequestFigures[]> {
  const rounds = options.isFull ? 16 : 8
  const generations = options.generations ?? (options.isFull ? 10 : 3)
  const random = randomFrom(options.seed)
  const figures: RequestFigures[] = []
  using sink = await openSink()
  for (const kind of KINDS.filter((one) => options.kinds.includes(one))) {
    const ways = waysFor(kind).filter((way) => way === 'none' || options.ways.includes(way))
    const seen = new Map<Way, Generation[]>(ways.map((way) => [way, []]))
    for (let generation = 0; generation < generations; generation++) {
      await using stack = new AsyncDisposableStack()
      const running: Running[] = []
      for (const way of shuffled(ways, random)) {
        const more = options.hasDefaultHeap ? [] : YOUNG_GENERATION
        const service = stack.use(await startService(kind, way, { sink: sink.port, more }))
        running.push({ way, service, load: stack.use(new Load(service.ready.port)) })
      }
      for (const [way, one] of await oneGeneration(running, rounds, random)) seen.get(way)!.push(one)
    }
    for (const [way, all] of seen) {
      figures.push({
        kind,
        way,
        cpu: median(all.map(({ cpu }) => cpu)),
        addedCpu: spread(all.map(({ addedCpu }) => addedCpu)),
        speedByCpu: spread(all.map(({ speedByCpu }) => speedByCpu)),
        speed: spread(all.map(({ speed }) => speed)),
        addedBytes: median(all.map(({ addedBytes }) => addedBytes)),
        rssMib: median(all.map(({ rssMib }) => rssMib)),
      })
    }
  }
  return figures
}

async function oneGeneration(
  running: readonly Running[],
  rounds: number,
  random: () => number,
): Promise<Map<Way, Generation>> {
  for (const { load } of running) {
    await load.connect()
    await load.send(WARM_UP)
  }
  const windows = new Map<Way, Window[]>(running.map(({ way }) => [way, []]))
  for (let round = 0; round < rounds; round++)
    for (const one of shuffled(running, random)) windows.get(one.way)!.push(await window(one))
  const bare = windows.get('none')!
  const found = new Map<Way, Generation>()
  for (const { way, service } of running) {
    const own = windows.get(way)!
    const against = (take: (own: Window, bare: Window) => number): number =>
      median(own.map((one, i) => take(one, bare[i]!)))
    found.set(way, {
      cpu: median(own.map(({ cpu }) => cpu)),
      addedCpu: against((one, none) => one.cpu - none.cpu),
      speedByCpu: against((one, none) => none.cpu / one.cpu),
      speed: against((one, none) => one.rate / none.rate),
      addedBytes: against((one, none) => one.bytes - none.bytes),
      rssMib: (await service.usage()).rss / 2 ** 20,
    })
  }
  return found
}

async function window({ service, load }: Running): Promise<Window> {
  await load.connect()
  await load.send(SETTLE)
  const before = await service.usage()
  const milliseconds = await load.send(REQUESTS)
  const after = await service.usage()
  return {
    cpu: (after.cpu - before.cpu) / REQUESTS,
    rate: REQUESTS / milliseconds,
    bytes: (after.allocated - before.allocated) / REQUESTS,
  }
}

export function tellRequests(figures: readonly RequestFigures[]): string {
  const ratio = ({ median, low, high }: Spread): string =>
    `${median.toFixed(3)} (${low.toFixed(2)} to ${high.toFixed(2)})`
  return table(
    ['service', 'way', 'CPU, µs a request', 'added', 'requests/s by CPU', 'requests/s', 'garbage added, B', 'RSS, MiB'],
    figures.map(({ kind, way, cpu, addedCpu, speedByCpu, speed, addedBytes, rssMib }) => [
      kind,
      way,
      short(cpu),
      way === 'none' ? '' : `${short(addedCpu.median)} (${short(addedCpu.low)} to ${short(addedCpu.high)})`,
      way === 'none' ? '1' : ratio(speedByCpu),
      way === 'none' ? '1' : ratio(speed),
      way === 'none' ? '' : short(addedBytes),
      rssMib.toFixed(0),
    ]),
  )
}
