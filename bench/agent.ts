/**
 * What the agent costs a service: CPU per request with it and without, side by side in one run; start-up; a page of many series.
 *
 *     node --conditions=assay-src bench/agent.ts [plain|express|fastify ...]
 *
 * - A pair is two fresh processes on the same load, one with the agent; pairs alternate their order (ABBA), because the machine drifts.
 *   Each serves the same number of requests over kept-alive connections from this process; its own CPU time is what counts, so the
 *   load generator and the neighbours disturb less than they would a wall clock.
 * - Figures are medians over pairs, in microseconds of CPU a request. A shared machine shows differences under half a microsecond as noise.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { assemble, render } from '../agent/src/exposition/exposition.ts'
import { observe, Store } from '../agent/src/store/index.ts'

const AGENT = fileURLToPath(new URL('../agent/src/index.ts', import.meta.url))
const SELF = fileURLToPath(import.meta.url)
const KINDS = ['plain', 'express', 'fastify'] as const
type Kind = (typeof KINDS)[number]
const CONNECTIONS = 32
const WARM_UP = 10_000
const REQUESTS = 20_000
const PAIRS = 5

if (process.env['BENCH_SERVE'] !== undefined) await serve(process.env['BENCH_SERVE'])
else await main(process.argv.slice(2))

async function main(given: readonly string[]): Promise<void> {
  const kinds = KINDS.filter((kind) => given.length === 0 || given.includes(kind))
  console.log(
    `CPU of the service, us a request; ${PAIRS} pairs of ${REQUESTS} requests over ${CONNECTIONS} connections`,
  )
  for (const kind of kinds) {
    const without: number[] = []
    const withAgent: number[] = []
    const added: number[] = []
    for (let pair = 0; pair < PAIRS; pair++) {
      const order = pair % 2 === 0 ? [false, true] : [true, false]
      const cost = new Map<boolean, number>()
      for (const agent of order) cost.set(agent, await measure(kind, agent))
      without.push(cost.get(false) ?? 0)
      withAgent.push(cost.get(true) ?? 0)
      added.push((cost.get(true) ?? 0) - (cost.get(false) ?? 0))
    }
    const figures = [median(without), median(withAgent), median(added)].map((value) => value.toFixed(2))
    console.log(
      `${kind.padEnd(8)} without ${figures[0]}  with ${figures[1]}  added ${figures[2]}  (pairs: ${added.map((value) => value.toFixed(2)).join(' ')})`,
    )
  }
  await startUp()
  page(10_000)
}

/** CPU microseconds of the service for each request, after a warm-up. */
async function measure(kind: Kind, agent: boolean): Promise<number> {
  const child = start(kind, agent)
  const lines = createInterface({ input: child.stdout })
  const next = async (): Promise<Record<string, number>> =>
    JSON.parse(((await once(lines, 'line')) as [string])[0]) as Record<string, number>
  const { port = 0 } = await next()
  const cpu = async (): Promise<number> => {
    child.stdin.write('cpu\n')
    return (await next())['cpu'] ?? 0
  }
  await load(port, WARM_UP)
  const from = await cpu()
  await load(port, REQUESTS)
  const spent = (await cpu()) - from
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  return spent / REQUESTS
}

function start(kind: Kind, agent: boolean) {
  const flags = ['--conditions=assay-src', ...(agent ? ['--import', AGENT] : []), SELF]
  const env = { ...process.env, BENCH_SERVE: kind, ASSAY_AGENT_LISTEN: '127.0.0.1:0' }
  return spawn(process.execPath, flags, { env, stdio: ['pipe', 'pipe', 'inherit'] })
}

/** Sends requests to 50 paths, one at a time on each connection, as a proxy would. */
async function load(port: number, requests: number): Promise<void> {
  let left = requests
  const texts = Array.from(
    { length: 50 },
    (_, i) => `GET /r${String.fromCharCode(97 + (i % 25))}/${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
  )
  const one = async (): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('data', () => {
        if (left-- > 0) socket.write(texts[left % 50] ?? texts[0]!)
        else resolve()
      })
      left--
      socket.write(texts[0]!)
    })
    socket.destroy()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
}

/** The service under test: answers small JSON on 25 routes with an id. */
async function serve(kind: string): Promise<void> {
  const letters = Array.from({ length: 25 }, (_, i) => `/r${String.fromCharCode(97 + i)}`)
  const answer = JSON.stringify({ ok: true, name: 'assay' })
  const listening = (port: number): void => console.log(JSON.stringify({ port }))
  if (kind === 'fastify') {
    const { default: fastify } = await import('fastify')
    const app = fastify()
    for (const letter of letters)
      app.get(`${letter}/:id`, (_request, reply) => void reply.header('content-type', 'application/json').send(answer))
    await app.listen({ port: 0, host: '127.0.0.1' })
    listening(portOf(app.server.address()))
  } else {
    const { createServer } = await import('node:http')
    const handler = kind === 'express' ? await expressApp(letters, answer) : undefined
    const server = createServer(handler ?? ((_request, response) => void response.end(answer)))
    server.listen(0, '127.0.0.1', () => {
      listening(portOf(server.address()))
    })
  }
  process.stdin.on('data', () => {
    const { user, system } = process.cpuUsage()
    console.log(JSON.stringify({ cpu: user + system }))
  })
}

function portOf(address: string | import('node:net').AddressInfo | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function expressApp(letters: readonly string[], answer: string): Promise<import('node:http').RequestListener> {
  const { default: express } = await import('express')
  const app = express()
  const router = express.Router()
  for (const letter of letters)
    router.get(`${letter}/:id`, (_request, response) => void response.type('json').send(answer))
  app.use('/', router)
  return app
}

/** CPU until the process listens, and its memory then. */
async function startUp(): Promise<void> {
  const runs: Record<'without' | 'with', { cpu: number[]; rss: number[] }> = {
    without: { cpu: [], rss: [] },
    with: { cpu: [], rss: [] },
  }
  for (let i = 0; i < 8; i++) {
    for (const agent of i % 2 === 0 ? [false, true] : [true, false]) {
      const child = start('plain', agent)
      const lines = createInterface({ input: child.stdout })
      await once(lines, 'line')
      child.stdin.write('cpu\n')
      const [line] = (await once(lines, 'line')) as [string]
      const { readFileSync } = await import('node:fs')
      const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1])
      const run = runs[agent ? 'with' : 'without']
      run.cpu.push((JSON.parse(line) as { cpu: number }).cpu / 1_000)
      run.rss.push((pages * 4) / 1_024)
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  }
  const text = (name: 'without' | 'with'): string =>
    `${name} ${median(runs[name].cpu).toFixed(0)} ms CPU, ${median(runs[name].rss).toFixed(1)} MiB`
  console.log(`start-up ${text('without')}; ${text('with')} (types stripped at start; published JavaScript costs less)`)
}

/** Time to render a page of counters and one of histograms, in this process. */
function page(series: number): void {
  for (const kind of ['counter', 'histogram'] as const) {
    const store = new Store()
    const bounds =
      kind === 'histogram' ? [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] : []
    const family = store.family({ name: 'bench_total', help: '', kind, bounds, maxSeries: series })
    const count = kind === 'histogram' ? series / 17 : series
    for (let i = 0; i < count; i++)
      observe(
        family.series([
          ['route', `/r/${i}`],
          ['method', 'GET'],
          ['status', '200'],
        ]),
        bounds,
        i / 1_000,
      )
    const times: number[] = []
    for (let i = 0; i < 30; i++) {
      const from = performance.now()
      assemble([render(store, 'text')], 'text')
      times.push(performance.now() - from)
    }
    console.log(
      `page of ${series} lines, ${kind}s: ${median(times).toFixed(2)} ms median, ${Math.min(...times).toFixed(2)} ms best`,
    )
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
