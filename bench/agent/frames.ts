/**
 * What it takes to hand a worker's page to the hub and to read it there: as bytes behind a head of JSON, and as one JSON text.
 *
 *     node --conditions=assay-src bench/agent/frames.ts
 *
 * Also what compressing such a page takes, by level. Both ways in turn; medians.
 */
import { gzipSync } from 'node:zlib'
import { FrameReader } from '../../agent/src/cluster/frames.ts'
import { encodePage, tryAnswer } from '../../agent/src/cluster/protocol.ts'
import { renderStore } from '../../agent/src/exposition/page.ts'
import { Store, set } from '../../agent/src/store/index.ts'
import { median } from './figures.ts'

const SERIES = 10_000
const ROUNDS = 40

const store = new Store()
store.maxSeries = SERIES
const family = store.family({ name: 'http_requests_total', help: 'Requests.', kind: 'counter' })
for (let i = 0; i < SERIES; i++) {
  const pairs = [
    ['method', 'GET'],
    ['route', `/orders/${i}`],
    ['status', '200'],
  ] as const
  set(family.series(pairs), i * 1.5)
}
const families = renderStore(store, 'text')

const asBytes = (): number => {
  const bytes = Buffer.concat(encodePage({ answer: 1 }, { families, users: undefined }))
  return new FrameReader().push(bytes).flatMap((frame) => tryAnswer(frame)?.families ?? []).length
}
const asJson = (): number => {
  const page = families.map(({ name, kind, help, body }) => ({ name, kind, help, body: Buffer.from(body).toString() }))
  const bytes = Buffer.from(JSON.stringify({ answer: 1, page }))
  return (JSON.parse(bytes.toString()) as { page: { body: string }[] }).page.map(({ body }) => Buffer.from(body)).length
}
const whole = Buffer.concat(families.map(({ body }) => body))
const ways = {
  'as bytes': asBytes,
  'as JSON': asJson,
  'gzip 1': () => gzipSync(whole, { level: 1 }).length,
  'gzip 6': () => gzipSync(whole).length,
}
const times = new Map(Object.keys(ways).map((name): [string, number[]] => [name, []]))
const sizes = new Map<string, number>()
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, work] of Object.entries(ways)) {
    const from = performance.now()
    sizes.set(name, work())
    times.get(name)?.push(performance.now() - from)
  }
}
console.log(`a page of ${SERIES} series, ${whole.length} bytes`)
for (const [name, all] of times) {
  const size = name.startsWith('gzip') ? `   ${sizes.get(name)} bytes` : ''
  console.log(`${name.padEnd(9)} ${median(all).toFixed(2)} ms${size}`)
}
