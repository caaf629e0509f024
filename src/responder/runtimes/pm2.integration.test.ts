/** The runtime against a real PM2 in a home of its own, and the loop acting through it. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '#core'
import { runtimeConformance } from './conformance.ts'
import { run } from './exec.ts'
import { pm2Runtime } from './pm2.ts'

const PM2 = [process.execPath, join(import.meta.dirname, '../../../node_modules/pm2/bin/pm2')]
const SERVICE = `
import { createServer } from 'node:http'
const server = createServer((_, response) => response.end(String(process.pid)))
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.('ready'))
process.on('SIGINT', () => server.close(() => process.exit(0)))
`

/** A PM2 of its own with two instances of a service in cluster mode; ended with all it started. */
async function openPm2() {
  const home = await mkdtemp(join(tmpdir(), 'assay-pm2-'))
  const signal = new AbortController().signal
  await writeFile(join(home, 'service.mjs'), SERVICE)
  const port = await freePort()
  const env = { PM2_HOME: home, PORT: String(port), PM2_DISCRETE_MODE: 'true' }
  const disposal = async () => {
    const pid = Number(await readFile(join(home, 'pm2.pid'), 'utf8').catch(() => ''))
    await run([...PM2, 'kill'], env, signal).catch(() => {})
    if (pid > 0) await gone(pid)
    await rm(home, { recursive: true, force: true })
  }
  try {
    const start = ['start', join(home, 'service.mjs'), '--name', 'mes', '-i', '2', '--silent']
    await run([...PM2, ...start], env, signal)
    const runtime = pm2Runtime({ command: PM2, home, clock: systemClock })
    await runtime.scale('mes', 2, signal)
    return { runtime, workload: 'mes', port, [Symbol.asyncDispose]: disposal }
  } catch (error) {
    await disposal()
    throw error
  }
}

/** One PM2 for all cases: each starts from two instances. */
let shared: ReturnType<typeof openPm2> | undefined
after(async () => (await shared)?.[Symbol.asyncDispose]())

async function twoInstances() {
  shared ??= openPm2()
  const { runtime, workload, port } = await shared
  await runtime.scale(workload, 2, new AbortController().signal)
  return { runtime, workload, port, async [Symbol.asyncDispose]() {} }
}

runtimeConformance({ name: 'pm2', pids: true, open: twoInstances })

test('pm2: a restart goes one by one while the service keeps answering', async () => {
  await using at = await twoInstances()
  const signal = new AbortController().signal
  const stop = new AbortController()
  const answers = { ok: 0, failed: 0 }
  const pids = new Set<string>()
  const ask = async () => (await fetch(`http://127.0.0.1:${at.port}/`, { headers: { connection: 'close' } })).text()
  const load = (async () => {
    while (!stop.signal.aborted) {
      // A connection may be handed to a process just as it closes; a client that tries again has to be answered.
      const pid = await ask()
        .catch(ask)
        .catch(() => undefined)
      if (pid === undefined) answers.failed++
      else {
        pids.add(pid)
        answers.ok++
      }
    }
  })()
  await at.runtime.restart(at.workload, signal)
  stop.abort()
  await load
  assert.equal(answers.failed, 0)
  assert.ok(answers.ok > 0 && pids.size > 2, `${answers.ok} answers of ${pids.size} processes`)
})

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await systemClock.sleep(50)
  }
}
