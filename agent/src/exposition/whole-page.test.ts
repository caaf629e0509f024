import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Store, set } from '../store/index.ts'
import { valueAt } from '../test-support/parse-page.ts'
import { ProcessPages } from './process-pages.ts'
import { WholePage } from './whole-page.ts'

type Process = { readonly own: ProcessPages; readonly whole: WholePage; readonly store: Store }

function makeProcess(): Process {
  const self = { worker: '', startedAt: 0, pid: 1 }
  const store = new Store()
  const shared = { main: store.shared, threads: [], epoch: new Int32Array(1), epochIs: 0 }
  const own = new ProcessPages({
    self,
    shared: { ...shared, delays: undefined, users: undefined },
    refresh: () => Promise.resolve('collected'),
    blockedSeconds: () => 0,
    fault: (cause) => assert.fail(String(cause)),
    isOwnThread: true,
  })
  return { own, whole: new WholePage(self, own, undefined), store }
}

test('a page that is made for nobody is not counted, and shows on none', async () => {
  const { own, whole, store } = makeProcess()
  const gauge = store.family({ name: 'now', help: 'Now.', kind: 'gauge', needsLoop: true }).series()
  set(gauge, 1)
  const question = { format: 'text', waitMs: 0, names: undefined } as const
  assert.equal(own.format, undefined)
  await own.makeReady('text')
  assert.equal(own.format, undefined)
  set(gauge, 2)
  const page = Buffer.from(await whole.render(question)).toString()
  assert.equal(own.format, 'text')
  assert.equal(valueAt(page, 'now'), 2)
  assert.equal(valueAt(page, 'assay_agent_pages_total'), 1)
  assert.equal(valueAt(page, 'assay_agent_page_seconds_count'), 0)
})

test('scrapes of the same moment for different families do not write over each other', async () => {
  const { whole } = makeProcess()
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
