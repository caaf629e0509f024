/**
 * Writes commits, passes them on to the receiver at `url` through a spool in `dir`, and prints the number of each commit when it is
 * acknowledged, from `first` on. With `first` -1 it writes nothing and prints `sent` when nothing waits any more.
 */
import { Labels, silentLog, systemClock, unixMs } from '#core'
import { MetadataStore } from '#storage'
import { PassOnStore } from '../../../engine/pass-on-store.ts'
import { createRemoteWriter } from '../../remote-writer.ts'

const [dir = '', url = '', first = '0'] = process.argv.slice(2)
const writer = createRemoteWriter<never>({
  clock: systemClock,
  log: silentLog,
  metadata: new MetadataStore(),
  relabel: (labels) => labels,
  resolve: String,
  version: 'child',
  spool: { dir, maxBytes: 2 ** 30, maxAgeMs: 0 },
})
await writer.apply(
  [
    {
      name: 'far',
      url,
      version: 'v1',
      timeoutMs: 500,
      headers: {},
      writeRelabelConfigs: [],
      sendExemplars: false,
      sendNativeHistograms: false,
      http: {},
      queue: {
        capacity: 100,
        minShards: 3,
        maxShards: 3,
        maxSamplesPerSend: 40,
        batchSendDeadlineMs: 5,
        minBackoffMs: 5,
        maxBackoffMs: 20,
        retryOnHttp429: true,
        sampleAgeLimitMs: 0,
      },
      metadata: { send: false, sendIntervalMs: 60_000, maxSamplesPerSend: 100 },
    },
  ],
  {},
)
const pending = () => Number(/^prometheus_remote_storage_samples_pending\{[^}]*\} (\d+)$/m.exec(writer.metrics())?.[1])

if (first === '-1') {
  while (pending() > 0) await systemClock.sleep(10)
  process.stdout.write('sent\n', () => process.exit(0))
} else {
  const store = new PassOnStore({ clock: systemClock, onCommit: writer.commit })
  for (let commit = Number(first); ; commit++) {
    using batch = store.appender()
    for (let series = 0; series < 10; series++)
      batch.append(undefined, Labels.of({ __name__: 'c', series: String(series) }), unixMs(1.7e12 + commit), commit)
    batch.commit()
    process.stdout.write(`${commit}\n`)
    await systemClock.sleep(1)
  }
}
