import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Labels, ManualClock, silentLog, unixMs } from '#core'
import { openTsdb } from '../index.ts'
import type { Looked } from './testdata/reading-thread.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-threads-'))
after(() => rm(root, { recursive: true }))

test('while commits go on, threads see whole commits and nothing that came after their view', async (t) => {
  await using store = await openTsdb({ dir: root, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity })
  await using owned = new AsyncDisposableStack()
  const threads = [0, 1].map(() => {
    const worker = new Worker(new URL('./testdata/reading-thread.ts', import.meta.url))
    owned.defer(() => worker.terminate().then(() => {}))
    return { worker, share: store.share() }
  })
  let series = 500
  let commits = 0
  let looks = 0
  const commit = () => {
    using batch = store.appender()
    // All series at once; every tenth commit brings new ones, so that lists, tables and memory grow under the readers.
    if (commits % 10 === 0) series += 20
    for (let n = 0; n < series; n++) {
      const labels = Labels.of({ __name__: 'm', n: `${n}`, of: `${n % 7}` })
      batch.append(undefined, labels, unixMs(1000 * (commits + 1)), commits)
    }
    batch.commit()
    commits++
  }
  const TOTAL = 400
  commit()
  const read = async ({ worker, share }: (typeof threads)[number]) => {
    while (commits < TOTAL) {
      using lent = share.lend()!
      const expected = { series, last: commits - 1 }
      worker.postMessage(lent.view)
      const [looked] = (await once(worker, 'message')) as [Looked | Error]
      if (looked instanceof Error) throw looked
      assert.equal(looked.series, expected.series)
      assert.deepEqual(looked.lasts, [expected.last])
      looks++
    }
  }
  const write = async () => {
    while (commits < TOTAL) {
      commit()
      await nextTurn()
    }
  }
  await Promise.all([write(), ...threads.map(read)])
  t.diagnostic(`${looks} looks at ${TOTAL} commits of ${series} series`)
  assert.ok(looks >= 4, `${looks} looks while ${TOTAL} commits were made`)
})
