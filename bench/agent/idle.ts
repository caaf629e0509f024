/**
 * Whether an idle process with the agent is left asleep: wake-ups and CPU of all its threads, before the first scrape and after it, when the
 * thread that serves the pages is there, beside the same process without the agent.
 *
 *     node --conditions=assay-src bench/agent/idle.ts [--seconds 10]
 *
 * Build first: `node --conditions=assay-src scripts/build-agent.ts`. All processes rest at the same time; the system counts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort, until } from '../../agent/src/test-support/service.ts'
import { restOf } from './child.ts'

const AGENT = join(import.meta.dirname, '../../agent/dist/index.cjs')
const SERVICE = `require('node:http').createServer((request, response) => response.end('ok')).listen(0, '127.0.0.1', () => console.log('up'))`
/** What the start and a scrape leave behind (a collection of garbage, a compilation) is not idleness. */
const REST_MS = 5_000

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } })
const seconds = Number(values.seconds)
const children: ChildProcess[] = []
try {
  const none = await start(false)
  const waiting = await start(true)
  const scraped = await start(true)
  await until(
    async () => await (await fetch(`http://127.0.0.1:${scraped.port}/metrics`)).text(),
    (page) => page.includes('assay_agent_thread 1'),
  )
  await wait(REST_MS)
  const named = { none, 'before the first scrape': waiting, 'after it, with its thread': scraped }
  const before = Object.values(named).map(({ pid }) => restOf(pid))
  await wait(seconds * 1_000)
  for (const [i, [name, { pid }]] of Object.entries(named).entries()) {
    const after = restOf(pid)
    const wakeUps = (after.wakeUps - before[i]!.wakeUps) / seconds
    const cpu = (after.cpu - before[i]!.cpu) / seconds
    console.log(`${name.padEnd(26)} ${wakeUps.toFixed(2)} wake-ups/s   ${cpu.toFixed(1)} µs/s`)
  }
} finally {
  for (const child of children) child.kill('SIGKILL')
}

async function start(withAgent: boolean): Promise<{ readonly pid: number; readonly port: number }> {
  const port = await freePort()
  const child = spawn(process.execPath, [...(withAgent ? ['--require', AGENT] : []), '-e', SERVICE], {
    env: { ...process.env, NODE_OPTIONS: '', ASSAY_AGENT_LISTEN: `127.0.0.1:${port}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await once(createInterface({ input: child.stdout! }), 'line')
  return { pid: child.pid ?? 0, port }
}
