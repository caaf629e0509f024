/** Series that come and go for days: what is gone takes no room, and is found in blocks. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { Head } from './head.ts'
import { openTsdb } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-churn-'))
after(() => rm(root, { recursive: true }))

const MINUTE = 60_000
const BLOCK_MS = 20 * MINUTE
const ACTIVE = 2000
const CHURN = ACTIVE / 10

test('a tenth of the series exchanged every minute for seven hours takes the room of those that are alive', async () => {
  await using store = await openTsdb({
    dir: join(root, 'store'),
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: BLOCK_MS,
    walSegmentBytes: 1024 * 1024,
  })
  const named = (n: number) => Labels.of({ __name__: 'requests', pod: `shop-${n}`, job: 'shop' })
  const refs = Array.from({ length: ACTIVE }, (_, n) => ({ n, ref: undefined as never }))
  let next = ACTIVE
  const seen: number[] = []
  for (let minute = 0; minute < 400; minute++) {
    using batch = store.appender()
    const at = unixMs(minute * MINUTE)
    for (const one of refs) {
      if (one.ref === undefined || !batch.appendKnown(one.ref, at, minute))
        one.ref = batch.append(undefined, named(one.n), at, minute) as never
    }
    batch.commit()
    for (let i = 0; i < CHURN; i++) {
      refs.shift()
      refs.push({ n: next++, ref: undefined as never })
    }
    if (minute % 20 === 19) {
      await store.upkeep()
      seen.push(store.stats().headBytes)
    }
  }
  // Alive within one and a half blocks and half a block more: forty minutes' churn beside those that are active.
  assert.ok(store.stats().series < ACTIVE + 45 * CHURN, `${store.stats().series} series in the head`)
  const [early, late] = [Math.max(...seen.slice(3, 10)), Math.max(...seen.slice(-7))]
  assert.ok(late < early * 1.3, `the head grew from ${early} to ${late} bytes`)
  using querier = store.querier(unixMs(0), unixMs(400 * MINUTE))
  assert.equal(querier.labelValues('pod', [matcher('job', '=', 'shop')]).length, next - CHURN)
  assert.equal(querier.select([matcher('pod', '=', 'shop-0')])[0]?.samples().count, 1)
})

test('a view that is open while the index is made anew sees what it saw', async () => {
  const head = new Head(100_000)
  const pause = () => new Promise<void>((resolve) => setImmediate(resolve))
  const append = (n: number, at: number) => {
    const labels = Labels.of({ __name__: 'm', n: String(n) })
    const ref = head.find(undefined, labels) || head.create(labels)
    const batch = { timestamps: Float64Array.of(at), values: Float64Array.of(n), count: 1 }
    head.apply(head.check(batch, Uint32Array.of(head.slotOf(ref)), { rejections: { add: () => undefined } as never }))
  }
  for (let n = 0; n < 3000; n++) append(n, n < 2500 ? 1000 : 9000)
  head.raiseBoundary(5000)
  const names = (view: ReturnType<Head['openView']>) =>
    head.reader.select(view, [matcher('__name__', '=', 'm')], 0, 20_000).map(({ labels }) => labels.get('n'))
  const view = head.openView(0, 20_000)
  const before = names(view)
  assert.equal(before.length, 500)
  await head.truncate(0, pause)
  // 2,500 of 3,000 are gone, so that the index is another one now, and their slots are given to others.
  for (let n = 5000; n < 6000; n++) append(n, 9500)
  assert.deepEqual(names(view), before)
  head.closeView(view)
  const later = head.openView(0, 20_000)
  assert.equal(names(later).length, 1500)
  assert.equal(new Set(names(later)).size, 1500)
  head.closeView(later)
})
