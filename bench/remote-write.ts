/**
 * What taking remote write costs: CPU per sample of unpacking, decoding and appending, with series known from request to request and without,
 * side by side in one run; and of whole requests over HTTP.
 *
 * Run: node --conditions=assay-src bench/remote-write.ts [targets] [rounds]
 *
 * - Requests as a Prometheus with four shards sends them: 500 to 2,000 series of one sample, the same ones in the same order each round, of
 *   targets of 500 series with some 115 bytes of labels. Everything is made before anything is measured.
 * - Paths take turns (ABBA), each with a store of its own; figures are CPU time of the process, its other threads included, and medians.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compressSync } from 'snappy'
import { Labels, ManualClock, silentLog } from '#core'
import { MetadataStore, memoryStore, type Store } from '#storage'
import { openTsdb } from '#tsdb'
import { decodeV1 } from '../src/remote/write/decode-v1.ts'
import { decodeV2 } from '../src/remote/write/decode-v2.ts'
import { Decoded } from '../src/remote/write/decoded.ts'
import { encodeWriteV1 } from '../src/remote/write/encode-v1.ts'
import { encodeWriteV2 } from '../src/remote/write/encode-v2.ts'
import { KnownSeries } from '../src/remote/write/known-series.ts'
import { SnappyBlocks } from '../src/remote/write/snappy-block.ts'
import { take } from '../src/remote/write/take.ts'
import { unpackAtOnce } from '../src/remote/write/unpack.ts'

const [TARGETS = 20, ROUNDS = 40] = process.argv.slice(2).map(Number)
const SERIES = 500
const SIZES = [500, 1000, 2000, 1500]
const START = 1_700_000_000_000
const STEP_MS = 15_000

type Version = 'v1' | 'v2'
type Request = { readonly body: Buffer; readonly samples: number; readonly at: number }

function fleet(): Labels[] {
  const all: Labels[] = []
  for (let t = 0; t < TARGETS; t++) {
    for (let i = 0; i < SERIES; i++) {
      const isBucket = i % 3 === 0
      all.push(
        Labels.of({
          __name__: isBucket
            ? 'http_server_request_duration_seconds_bucket'
            : `process_or_runtime_figure_${i % 70}_total`,
          instance: `10.0.${t % 250}.17:9100`,
          job: t % 2 === 0 ? 'node' : 'api',
          handler: `/api/v1/orders/${i}`,
          ...(isBucket ? { le: `${(i % 24) / 8}` } : { mode: i % 2 === 0 ? 'idle' : 'user' }),
        }),
      )
    }
  }
  return all
}

/** All requests of all rounds, in the order they are sent. */
function requestsOf(version: Version, series: readonly Labels[], rounds: number): Request[] {
  const requests: Request[] = []
  for (let round = 0; round < rounds; round++) {
    const at = START + round * STEP_MS
    for (let from = 0, size = 0; from < series.length; from += SIZES[size++ % SIZES.length]!) {
      const part = series.slice(from, from + SIZES[size % SIZES.length]!)
      const message = {
        series: part.map((labels, i) => ({ labels, from: i, to: i + 1, histograms: [], exemplars: [] })),
        timestamps: Float64Array.from(part, (_, i) => at + Math.floor((from + i) / SERIES) * 37),
        // A third does not change, as in most fleets.
        values: Float64Array.from(part, (_, i) => (i % 3 === 0 ? i : i + round * (i % 7))),
        starts: new Float64Array(part.length),
        metadata: [],
      }
      const bytes = version === 'v1' ? encodeWriteV1(message) : encodeWriteV2(message, () => undefined)
      requests.push({ body: Buffer.from(compressSync(bytes)), samples: part.length, at })
    }
  }
  return requests
}

type Path = {
  readonly name: string
  /** What is done with a message that was unpacked; made anew for each run. */
  readonly open: () => Promise<{ readonly request: (bytes: Uint8Array, at: number) => void } & AsyncDisposable>
}

function decoding(version: Version, isKnown: boolean): Path {
  return {
    name: `decode, ${isKnown ? 'series known' : 'each by itself'}`,
    open: async () => {
      const known = isKnown ? new KnownSeries() : undefined
      const decoded = new Decoded()
      return {
        request: (bytes, at) => decode(version, bytes, decoded, known, at),
        [Symbol.asyncDispose]: async () => {},
      }
    },
  }
}

function storing(version: Version, isKnown: boolean, kind: 'memory store' | 'tsdb'): Path {
  return {
    name: `decode and append, ${kind}, ${isKnown ? 'series known' : 'each by itself'}`,
    open: async () => {
      await using owned = new AsyncDisposableStack()
      const clock = new ManualClock(START)
      const store = owned.use(kind === 'tsdb' ? await temporaryTsdb(owned, clock) : memoryStore())
      const known = isKnown ? new KnownSeries() : undefined
      const decoded = new Decoded()
      const deps = { clock, store, metadata: new MetadataStore(), ...(known === undefined ? {} : { known }) }
      const running = owned.move()
      return {
        request: (bytes, at) => {
          void clock.advance(at - clock.now())
          decode(version, bytes, decoded, known, at)
          const { complaint } = take(deps, decoded, version)
          if (complaint !== undefined) throw new Error(complaint)
        },
        [Symbol.asyncDispose]: () => running.disposeAsync(),
      }
    },
  }
}

function decode(version: Version, bytes: Uint8Array, into: Decoded, known: KnownSeries | undefined, at: number): void {
  into.begin()
  known?.begin(at)
  if (version === 'v1') decodeV1(bytes, into, known)
  else decodeV2(bytes, into, known === undefined ? {} : { known })
}

async function temporaryTsdb(owned: AsyncDisposableStack, clock: ManualClock): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), 'assay-bench-'))
  owned.defer(() => rm(dir, { recursive: true, force: true }))
  return openTsdb({ dir, clock, log: silentLog })
}

/** CPU nanoseconds per sample of unpacking and `path`, or of unpacking alone. */
async function measure(requests: readonly Request[], path?: Path): Promise<number> {
  await using sink = await path?.open()
  let before = process.cpuUsage()
  let samples = 0
  const blocks = new SnappyBlocks()
  for (const [i, { body, at, samples: count }] of requests.entries()) {
    // The first rounds make the series and warm the code up.
    if (at < START + (ROUNDS / 4) * STEP_MS) before = process.cpuUsage()
    else samples += count
    const bytes = unpackAtOnce(body, 2 ** 26, blocks)!
    sink?.request(bytes, at)
    // As in a server, others run in between.
    if (i % 16 === 0) await new Promise(setImmediate)
  }
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / samples
}

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!

for (const version of ['v1', 'v2'] as const) {
  const requests = requestsOf(version, fleet(), ROUNDS)
  const paths = [
    undefined,
    ...[false, true].map((isKnown) => decoding(version, isKnown)),
    ...(['memory store', 'tsdb'] as const).flatMap((kind) => [
      storing(version, false, kind),
      storing(version, true, kind),
    ]),
  ]
  const seen = paths.map((): number[] => [])
  for (let turn = 0; turn < 4; turn++) {
    const order = [...paths.keys()]
    for (const i of turn % 2 === 0 ? order : order.reverse()) seen[i]!.push(await measure(requests, paths[i]))
  }
  const samples = requests.reduce((sum, one) => sum + one.samples, 0)
  const packed = requests.reduce((sum, one) => sum + one.body.length, 0)
  console.log(
    `\n${version}: ${samples} samples in ${requests.length} requests, ${(packed / samples).toFixed(1)} bytes a sample`,
  )
  const unpacking = median(seen[0]!)
  console.log(`${unpacking.toFixed(0).padStart(6)} ns a sample  unpacking, which is left out below`)
  for (const [i, path] of paths.entries()) {
    if (path === undefined) continue
    const cost = median(seen[i]!) - unpacking
    console.log(
      `${cost.toFixed(0).padStart(6)} ns a sample, ${(1e6 / cost).toFixed(0).padStart(5)} k samples per CPU second  ${path.name}`,
    )
  }
}
