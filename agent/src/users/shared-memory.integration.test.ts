/** Another thread reads while this one writes, and while this one does nothing else at all. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ActiveUsers } from './active.ts'

const NOON = Date.UTC(2026, 4, 5, 12)
const READER = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(({ readActiveUsers }) => {
    let reads = 0, wrong = 0, turned = 0, missing = 0
    const stop = new Int32Array(workerData.stop)
    parentPort.postMessage('ready')
    while (Atomics.load(stop, 0) === 0) {
      const { days, minutes } = readActiveUsers(workerData.memory)
      reads++
      if (minutes.size === 0) missing++
      for (const [minute, sketch] of minutes) {
        // The writer gives each minute 1,500 users at most, in order; nothing else may ever be seen.
        const count = sketch.count()
        if (!(count >= 0 && count <= 1650)) wrong++
        if (!sketch.isExact) turned++
      }
      for (const sketch of days.values()) if (sketch.count() > 1650) wrong++
    }
    parentPort.postMessage({ reads, wrong, turned, missing })
  })`

test('a thread that reads all the while never sees a table as registers, nor half a minute of an older one', async () => {
  const users = new ActiveUsers({ k0: 1, k1: 2, id: '0123456789abcdef' })
  users.see('first', NOON)
  const stop = new SharedArrayBuffer(4)
  const module = new URL('./active.ts', import.meta.url).href
  const worker = new Worker(READER, { eval: true, workerData: { memory: users.memory, stop, module } })
  await once(worker, 'message')
  // This thread is blocked from here: only shared memory can tell.
  for (const until = performance.now() + 700, at = { minute: 0 }; performance.now() < until; at.minute++) {
    for (let i = 0; i < 1_500; i++) users.see(`u${i}`, NOON + at.minute * 60_000)
  }
  const answer = once(worker, 'message')
  Atomics.store(new Int32Array(stop), 0, 1)
  const [told] = (await answer) as [{ reads: number; wrong: number; turned: number; missing: number }]
  await worker.terminate()
  assert.ok(told.reads > 20 && told.turned > 0, JSON.stringify(told))
  assert.deepEqual([told.wrong, told.missing], [0, 0], JSON.stringify(told))
})
