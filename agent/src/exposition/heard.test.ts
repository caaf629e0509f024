import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { clockMs, heardAt, makeHeard, noteHeard } from './heard.ts'

test('what one thread has heard another sees at once, with the time by the clock of both', async () => {
  const heard = makeHeard()
  assert.equal(heardAt(heard, 1), undefined)
  const before = clockMs()
  const code = `import(${JSON.stringify(new URL('./heard.ts', import.meta.url).href)}).then(({ noteHeard }) =>
    noteHeard(require('node:worker_threads').workerData, 1))`
  await once(new Worker(code, { eval: true, workerData: heard }), 'exit')
  const at = heardAt(heard, 1) ?? Number.NaN
  assert.ok(at >= before && at <= clockMs())
  noteHeard(heard, 2)
  assert.equal(heardAt(heard, 1), undefined)
  assert.ok((heardAt(heard, 2) ?? 0) >= at)
})
