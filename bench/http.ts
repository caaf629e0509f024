/**
 * What a small request costs besides its question: CPU time (user and system) of the process that answers, against a bare `node:http`
 * server that sends the same bytes with a length and nothing else: by the short way of `src/server/prometheus/lane.ts`, and by the
 * framework's. One kept connection, one request after the other, from another process.
 *
 *     node --conditions=assay-src bench/http.ts [--requests 500] [--rounds 15] [--only 'instant query']
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createBare } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { parseArgs } from 'node:util'
import { Labels, ManualClock, type QueryFn, silentLog, systemClock, unixMs } from '#core'
import type { Plan } from '#model'
import { createServer, Notifications } from '#server'
import { MetadataStore, memoryStore, type Querier } from '#storage'

const { values: given } = parseArgs({
  options: {
    requests: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '15' },
    only: { type: 'string', default: '' },
    client: { type: 'boolean', default: false },
  },
})

type Task = { readonly port: number; readonly request: string; readonly count: number }

/** The other process: `count` requests, each sent when the answer to the last is there. */
function answerTasks(): void {
  process.on('message', ({ port, request, count }: Task) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    let left = count
    let missing = 0
    socket.once('connect', () => socket.write(request))
    socket.on('data', (bytes) => {
      if (missing === 0) {
        const head = bytes.indexOf('\r\n\r\n') + 4
        const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1]
        missing = head + Number(length)
      }
      missing -= bytes.length
      if (missing > 0) return
      if (--left > 0) socket.write(request)
      else socket.end(() => process.send?.('done'))
    })
  })
}

/** What is listed costs nothing to find here. */
const SETS = Array.from({ length: 60 }, (_, i) =>
  Labels.of({ __name__: `metric_${i}`, instance: `10.0.0.${i}:9100`, job: 'api' }),
)
const NAMES = SETS.map((labels) => labels.name)
const LISTS: Querier = {
  select: () => [],
  labelNames: () => NAMES.slice(0, 20),
  labelValues: () => NAMES,
  series: () => SETS,
  [Symbol.dispose]: () => {},
}

const NOTES = { warnings: [], infos: [] }
const query: QueryFn = async (_, when) => ({
  kind: 'vector',
  samples: [
    {
      labels: Labels.of({ __name__: 'up', instance: '127.0.0.1:9100', job: 'node' }),
      at: 'at' in when ? when.at : when.start,
      value: 1,
    },
  ],
  ...NOTES,
})

const NO_PLAN: Plan = {
  name: '',
  scrapeIntervalMs: 15_000,
  evaluationIntervalMs: 15_000,
  externalLabels: {},
  watchesItself: false,
  parts: [],
  edges: [],
  callers: [],
  scrapes: [],
  collectors: [],
  ruleGroups: [],
  policies: [],
  receivers: [],
  runtimes: [],
}

/** `shortWay`: as it is; without it every question takes the framework's way. */
const openServer = (shortWay: boolean) =>
  createServer(
    {
      clock: systemClock,
      log: silentLog,
      plan: () => NO_PLAN,
      query,
      store: { ...memoryStore(), querier: () => LISTS },
      metadata: new MetadataStore(),
      targets: () => [],
      droppedTargets: () => [],
      ruleGroups: () => [],
      loop: {} as Parameters<typeof createServer>[0]['loop'],
      subscribe: () => ({ [Symbol.dispose]: () => {} }),
      ownMetrics: () => '',
      flags: {},
      configText: () => '',
      startedAt: unixMs(0),
      configLoad: () => ({ ok: true, at: unixMs(0) }),
      notifications: new Notifications(new ManualClock()),
      lookbackMs: 300_000,
      features: new Set(),
      webRoot: undefined,
      limits: { maxSamples: 1e6, queryTimeoutMs: 120_000, maxPoints: 11_000 },
    },
    { listen: { host: '127.0.0.1', port: 0 }, shortWay },
  )

const WAYS = ['bare', 'short', 'long'] as const
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

async function measure(): Promise<void> {
  await using short = await openServer(true)
  await using long = await openServer(false)
  const head = (line: string, more = '') => `${line} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\n${more}\r\n`
  const form = 'query=up&time=1795281900.123'
  const cases: Readonly<Record<string, string>> = {
    'health page': head('GET /-/ready'),
    'instant query': head('GET /api/v1/query?query=up&time=1795281900'),
    'instant query, form': `${head('POST /api/v1/query', `content-type: application/x-www-form-urlencoded\r\ncontent-length: ${form.length}\r\naccept-encoding: gzip\r\n`)}${form}`,
    'range query': head('GET /api/v1/query_range?query=rate%28up%5B5m%5D%29&start=1795281900&end=1795285500&step=60'),
    'label names': head('GET /api/v1/labels?start=1&end=1795281900'),
    'label values': head('GET /api/v1/label/__name__/values'),
    series: head('GET /api/v1/series?match%5B%5D=metric_1'),
    refusal: head('GET /api/v1/query?query=up&time=x'),
  }
  const client = fork(import.meta.filename, ['--client'], { execArgv: process.execArgv })
  const run = async (task: Task) => {
    const before = process.cpuUsage()
    client.send(task)
    await once(client, 'message')
    const { user, system } = process.cpuUsage(before)
    return (user + system) / task.count
  }
  const count = Number(given.requests)
  for (const [name, request] of Object.entries(cases).filter(([name]) => name.includes(given.only))) {
    const body = await bodyOf(short.port, request)
    const bare = createBare((asked, response) => {
      asked.resume()
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      response.end(body)
    })
    await once(bare.listen(0, '127.0.0.1'), 'listening')
    const ports = { bare: (bare.address() as AddressInfo).port, short: short.port, long: long.port }
    const took: Record<(typeof WAYS)[number], number[]> = { bare: [], short: [], long: [] }
    // The first round is for the compiler. Many short ones in turns: what else the machine does meets all three.
    for (let round = -1; round < Number(given.rounds); round++)
      for (const way of WAYS) {
        const each = await run({ port: ports[way], request, count })
        if (round >= 0) took[way].push(each)
      }
    const shown = WAYS.map((way) => {
      const times = median(took[way].map((each, i) => each / took.bare[i]!))
      return `${way} ${median(took[way]).toFixed(0)} µs${way === 'bare' ? '' : ` (${times.toFixed(1)} times)`}`
    })
    console.log(`${name.padEnd(20)} ${String(body.length).padStart(5)} bytes: ${shown.join(', ')}`)
    bare.close()
    bare.closeAllConnections()
  }
  client.kill()
}

async function bodyOf(port: number, request: string): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  socket.write(request.replace('\r\n', '\r\nconnection: close\r\n'))
  const bytes = Buffer.concat(await Array.fromAsync(socket))
  return bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)
}

if (given.client) answerTasks()
else await measure()
