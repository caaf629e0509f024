/**
 * What sending to a receiver of remote write costs the process that sends: CPU time per sample of each way a sample can take.
 *
 *     node --conditions=assay-src bench/remote-send.ts [--series 20000] [--rounds 60] [--commit 500] [--version v1]
 *
 * Commits of `--commit` series each, as scrapes bring them. The receiver is a function that takes a packed body and answers at once, so
 * that HTTP and the network are not in it. CPU time is that of the whole process, user and system. The first line is the floor: a
 * store that passes commits on to nobody.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Labels, silentLog, systemClock, unixMs } from '#core'
import { PassOnStore } from '#remote'
import { type CommitListener, MetadataStore, type SeriesRef } from '#storage'
import { Sender } from '../src/remote/write/sender.ts'

const { values: given } = parseArgs({
  options: {
    series: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '60' },
    commit: { type: 'string', default: '500' },
    version: { type: 'string', default: 'v1' },
  },
})
const [series, rounds, commit] = [given.series, given.rounds, given.commit].map(Number) as [number, number, number]
const version = given.version === 'v2' ? 'v2' : 'v1'
const labels = Array.from({ length: series }, (_, i) =>
  Labels.of({
    __name__: `http_server_request_duration_seconds_bucket`,
    job: 'shop',
    instance: `10.0.${i % 40}.1:9100`,
    route: `/orders/${i % 50}`,
    le: String(i),
  }),
)

type Way = { readonly name: string; readonly isSpooled: boolean; readonly isDown: boolean }

function openSender(dir: string | undefined, answers: { status: number }, memory: number): Sender<never> {
  return new Sender<never>(
    {
      name: 'far',
      url: 'http://far.example',
      version,
      timeoutMs: 30_000,
      headers: {},
      writeRelabelConfigs: [],
      sendExemplars: false,
      sendNativeHistograms: false,
      http: {},
      queue: {
        capacity: memory,
        minShards: 1,
        maxShards: 1,
        maxSamplesPerSend: 2000,
        batchSendDeadlineMs: 5,
        minBackoffMs: 30,
        maxBackoffMs: 5000,
        retryOnHttp429: false,
        sampleAgeLimitMs: 0,
      },
      metadata: { send: false, sendIntervalMs: 60_000, maxSamplesPerSend: 2000 },
    },
    Labels.empty,
    {
      clock: systemClock,
      log: silentLog,
      metadata: new MetadataStore(),
      relabel: (one) => one,
      resolve: String,
      version: 'bench',
      random: Math.random,
      client: {
        post: async () => ({
          status: answers.status,
          headers: { 'x-prometheus-remote-write-samples-written': '2000' },
          text: '',
        }),
        [Symbol.dispose]() {},
      },
      ...(dir === undefined ? {} : { spool: { dir, maxBytes: 2 ** 33, maxAgeMs: 0 } }),
    },
  )
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Writes all rounds; resolves with the CPU in ns per sample. */
async function write(onCommit: CommitListener, settled: () => boolean): Promise<number> {
  const store = new PassOnStore({ clock: systemClock, onCommit })
  const refs = new Array<SeriesRef | undefined>(series)
  const one = async (round: number) => {
    for (let from = 0; from < series; from += commit) {
      using batch = store.appender()
      const at = unixMs(1.7e12 + round * 15_000 + from)
      for (let i = from; i < Math.min(series, from + commit); i++) {
        const ref = refs[i]
        if (ref === undefined || !batch.appendKnown(ref, at, round * i))
          refs[i] = batch.append(ref, labels[i]!, at, round * i)
      }
      batch.commit()
      await nextTurn()
    }
    while (!settled()) await systemClock.sleep(1)
  }
  // Series are met for the first time, and code is compiled.
  for (let round = 0; round < 5; round++) await one(round)
  const began = cpuMs()
  for (let round = 5; round < 5 + rounds; round++) await one(round)
  return ((cpuMs() - began) * 1e6) / (series * rounds)
}

const print = (name: string, ns: number, more = '') =>
  process.stdout.write(`${name.padEnd(44)} ${ns.toFixed(0).padStart(6)} ns/sample${more}\n`)

const nothing = await write(
  () => {},
  () => true,
)
print('no receiver: the store that passes on', nothing)

const WAYS: readonly Way[] = [
  { name: 'memory alone, receiver keeps up', isSpooled: false, isDown: false },
  { name: 'spool, receiver keeps up', isSpooled: true, isDown: false },
  { name: 'spool, receiver is down: written alone', isSpooled: true, isDown: true },
]
for (const { name, isSpooled, isDown } of WAYS) {
  const dir = await mkdtemp(join(tmpdir(), 'assay-bench-send-'))
  try {
    const answers = { status: isDown ? 503 : 204 }
    const sender = openSender(isSpooled ? dir : undefined, answers, isDown ? 2000 : 10_000_000)
    const ns = await write(
      (committed) => sender.commit(committed),
      () => isDown || sender.shards.pending === 0,
    )
    const { bytes = 0 } = sender.spooled ?? {}
    const sent = series * (rounds + 5)
    print(name, ns - nothing, isDown ? `, ${(bytes / sent).toFixed(1)} bytes/sample on disk` : '')
    if (isDown) {
      const left = sender.shards.pending
      answers.status = 204
      const began = cpuMs()
      while (sender.shards.pending > 0) await systemClock.sleep(5)
      print('  read back and sent', ((cpuMs() - began) * 1e6) / left)
    }
    await sender.end(AbortSignal.abort())
  } finally {
    await rm(dir, { recursive: true })
  }
}
