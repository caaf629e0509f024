import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
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

test('a package is used where it is installed and a package.json names it, above the first file too', async () => {
  const root = await mkdtemp(join(tmpdir(), 'assay-used-'))
  try {
    const write = async (file: string, text: string): Promise<void> => {
      await mkdir(dirname(join(root, file)), { recursive: true })
      await writeFile(join(root, file), text)
    }
    await write('node_modules/hono/package.json', '{}')
    await write('named/package.json', '{"dependencies":{"hono":"^4.0.0"}}')
    await write('workspace/package.json', '{"devDependencies": {"hono" : "4"}, "peerDependencies": {"hono":"4"}}')
    await write('workspace/apps/package.json', '{"name":"apps"}')
    await write('unnamed/package.json', '{"name":"hono-like","dependencies":{"honored":"1"}}')
    await write('torn/package.json', '{"dependencies":{"ho')
    const script = `import(${JSON.stringify(FILE)}).then(({ isUsed }) => console.log(JSON.stringify(isUsed('hono'))))`
    const asked = async (folder: string): Promise<unknown> => {
      const file = join(root, folder, 'server.cjs')
      await write(join(folder, 'server.cjs'), script)
      return JSON.parse((await promisify(execFile)(process.execPath, [file], { cwd: tmpdir() })).stdout)
    }
    assert.equal(await asked('named/dist'), true)
    assert.equal(await asked('workspace/apps/shop'), true)
    assert.equal(await asked('unnamed'), false, 'installed for somebody else')
    assert.equal(await asked('torn'), false)
    assert.equal(await asked('.'), false)
    await rm(join(root, 'node_modules'), { recursive: true })
    assert.equal(await asked('named'), false, 'named, and not installed')
  } finally {
    await rm(root, { recursive: true })
  }
})
