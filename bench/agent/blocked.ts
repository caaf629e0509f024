/**
 * How soon a scrape is answered while the event loop is blocked, and what a scrape costs the main thread when it is not.
 *
 *     node --conditions=assay-src bench/agent/blocked.ts [--scrapes 100] [--series 1000]
 *
 * Build first: `node --conditions=assay-src scripts/build-agent.ts`. The service has as many counters as asked for, and blocks in turns: half of
 * the scrapes meet a loop that stands still. The main thread's own clock of CPU (`process.threadCpuUsage`) tells what scrapes cost it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort, until } from '../../agent/src/test-support/service.ts'

const AGENT = join(import.meta.dirname, '../../agent/dist/index.cjs')
const SERVICE = `
const agent = require(${JSON.stringify(AGENT)})
const { readSync } = require('node:fs')
const many = agent.counter('many_total', { help: 'Many.', labels: ['i'] })
for (let i = 0; i < Number(process.env.SERIES); i++) many.inc({ i })
const server = require('node:http').createServer((request, response) => {
  response.setHeader('connection', 'close')
  const { user, system } = process.threadCpuUsage()
  // Reading stdin blocks until there is a line.
  if (request.url === '/block') response.once('close', () => readSync(0, Buffer.alloc(10)))
  response.end(String(user + system))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

const BLOCK_MS = 120

const { values } = parseArgs({
  options: { scrapes: { type: 'string', default: '100' }, series: { type: 'string', default: '1000' } },
})
const metrics = await freePort()
const child = spawn(process.execPath, ['-e', SERVICE], {
  env: {
    ...process.env,
    NODE_OPTIONS: '',
    ASSAY_AGENT_LISTEN: `127.0.0.1:${metrics}`,
    ASSAY_AGENT_MAX_SERIES: '1000000',
    SERIES: values.series,
  },
  stdio: ['pipe', 'pipe', 'inherit'],
})
try {
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const get = async (path: string): Promise<string> => await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  // Not by fetch: it takes longer than the agent, and now and then 10 ms.
  const scrape = (): Promise<{ page: string; ms: number }> => {
    const from = performance.now()
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: metrics, path: '/metrics', agent: false }, (response) => {
        let page = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          page += text
        })
        response.on('end', () => resolve({ page, ms: performance.now() - from }))
      })
      asked.on('error', reject).end()
    })
  }
  await until(scrape, ({ page }) => page.includes('assay_agent_thread 1'))
  for (let i = 0; i < 20; i++) await scrape()

  const count = Number(values.scrapes)
  const before = Number(await get('/'))
  const free: number[] = []
  for (let i = 0; i < count; i++) free.push((await scrape()).ms)
  // The two requests that ask for the clock are in it, too: some tenths of a millisecond in all.
  const perScrape = (Number(await get('/')) - before) / count

  const blocked: number[] = []
  for (let i = 0; i < count; i++) {
    await get('/block')
    const { page, ms } = await scrape()
    if (!/^nodejs_eventloop_blocked_seconds 0\.0*[1-9]/m.test(page)) throw new Error('the loop was not blocked')
    blocked.push(ms)
    // A loop that is held up for some milliseconds only is a busy one, and waited for.
    await wait(BLOCK_MS)
    child.stdin.write('go on\n')
  }
  console.log(`loop free:    ${told(free)}   main thread ${perScrape.toFixed(0)} µs CPU a scrape`)
  console.log(`loop blocked: ${told(blocked)}`)
} finally {
  child.kill('SIGKILL')
}

function told(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${times.length} scrapes)`
}
