import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Store } from '../store/index.ts'
import { valueAt } from '../test-support/parse-page.ts'
import { ProcessPages } from './process-pages.ts'
import { WholePage } from './whole-page.ts'

test('scrapes of the same moment for different families do not write over each other', async () => {
  const self = { worker: '', startedAt: 0, pid: 1 }
  const shared = { main: new Store().shared, threads: [], epoch: new Int32Array(1), epochIs: 0 }
  const own = new ProcessPages({
    self,
    shared: { ...shared, delays: undefined, users: undefined },
    refresh: () => Promise.resolve('collected'),
    blockedSeconds: () => 0,
    fault: (cause) => assert.fail(String(cause)),
    isOwnThread: true,
  })
  const whole = new WholePage(self, own, undefined)
  const count = 24
  const pages = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const names = new Set(['assay_agent_pages_total', 'assay_agent_page_seconds', `other_${i}`])
      return Buffer.from(await whole.render({ format: 'text', waitMs: 0, names })).toString()
    }),
  )
  const told = pages.map((page) => valueAt(page, 'assay_agent_pages_total') ?? Number.NaN)
  assert.deepEqual(
    told.toSorted((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i + 1),
  )
  for (const [i, page] of pages.entries()) {
    // The page itself is not in it yet.
    assert.equal(valueAt(page, 'assay_agent_page_seconds_count'), told[i]! - 1)
  }
})
