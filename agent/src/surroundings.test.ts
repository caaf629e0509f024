import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const FILE = new URL('surroundings.ts', import.meta.url).href
const run = async (script: string): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  return JSON.parse(stdout)
}

test('neither cluster nor worker threads are loaded by asking about them', async () => {
  const found = await run(`
    const { isMainThread, loadedCluster } = await import(${JSON.stringify(FILE)})
    const answers = [isMainThread(), loadedCluster() === undefined]
    console.log(JSON.stringify([...answers, process.moduleLoadList.filter((one) => /NativeModule (cluster|worker_threads)$/.test(one))]))`)
  assert.deepEqual(found, [true, true, []])
})

test('a cluster that is loaded, and a worker thread, are seen as what they are', async () => {
  const found = await run(`
    import cluster from 'node:cluster'
    import { Worker } from 'node:worker_threads'
    const { isMainThread, loadedCluster } = await import(${JSON.stringify(FILE)})
    const worker = new Worker(\`import(${JSON.stringify(FILE)}).then(({ isMainThread }) =>
      require('node:worker_threads').parentPort.postMessage(isMainThread()))\`, { eval: true, execArgv: [] })
    worker.once('message', (there) => console.log(JSON.stringify([isMainThread(), loadedCluster() === cluster, there])))`)
  assert.deepEqual(found, [true, true, false])
})
