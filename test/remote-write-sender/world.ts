/**
 * `assay serve` between targets that serve pages and receivers that answer by a script: all that Prometheus' compliance suite for
 * senders sets up for each case, once for a whole file, since one process scrapes and sends for all of them.
 *
 * Receivers keep what came, decoded by `raw-message.ts`, and answer `204` with all written unless told otherwise.
 */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { uncompressSync } from 'snappy'
import { directoryOf, type Served, serve } from '../support/serve.ts'
import { type RawMessage, type RawSeries, readV1, readV2 } from './raw-message.ts'

const PATIENCE_MS = 40_000
export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
export const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
export const PROTOBUF = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

export type Version = 'v1' | 'v2'
export const VERSIONS = ['v1', 'v2'] as const
export const MESSAGES = { v1: 'prometheus.WriteRequest', v2: 'io.prometheus.write.v2.Request' } as const

/** A page, or the page of the n-th scrape, from 0; `undefined`: the target answers 500. */
export type PageOf = string | Buffer | ((n: number) => string | Buffer | undefined)
export type JobOf = {
  readonly name: string
  readonly page: PageOf
  readonly contentType?: string
  /** More keys, in YAML's flow style: `honor_labels: true, ...`. */
  readonly settings?: string
}

export type SentRequest = {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly version: Version
  readonly message: RawMessage
  /** By our clock, for measuring. */
  readonly atMs: number
}
export type ScriptedAnswer = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Instead of an answer. */
  readonly instead?: (response: ServerResponse) => void
}
export type ReceiverOf = {
  readonly name: string
  readonly version: Version
  /** What the n-th request is answered with, from 0; absent or `undefined`: all is written. */
  readonly answers?: (n: number, request: SentRequest) => ScriptedAnswer | undefined
  /** More keys of the `remote_write` entry, in YAML's flow style. */
  readonly settings?: string
  /** Of `queue_config`, in YAML's flow style. */
  readonly queue?: string
  /** Jobs that it gets; absent: all. */
  readonly jobs?: string
  /** Instead of our own server. */
  readonly url?: string
}

export type Received = {
  readonly requests: readonly SentRequest[]
  /** Every series of every request, in the order they came. */
  readonly series: () => readonly RawSeries[]
  /** Those of a metric; of one job, where it is given. */
  readonly of: (name: string, job?: string) => readonly RawSeries[]
}

export type SenderWorld = AsyncDisposable & {
  readonly served: Served
  /** Where `prometheus.yml` stands. */
  readonly directory: string
  readonly host: string
  readonly received: (receiver: string) => Received
  /** Looks until it holds, on real time: another process is at work. */
  readonly until: (holds: () => boolean | Promise<boolean>, what: string) => Promise<void>
  /** A value of assay's own page, of the receiver; `undefined` where there is none. */
  readonly metric: (name: string, receiver: string) => Promise<number | undefined>
  /** How often a job's page was asked for. */
  readonly scrapes: (job: string) => number
}

export async function openSenderWorld(options: {
  readonly jobs: readonly JobOf[]
  readonly receivers: readonly ReceiverOf[]
  readonly interval?: string
  readonly args?: readonly string[]
  /** Beside `prometheus.yml`. */
  readonly files?: Readonly<Record<string, string>>
  /** More lines of it. */
  readonly config?: string
  /** Who scrapes and sends; absent: `assay serve`. */
  readonly start?: (config: string) => Promise<Served>
}): Promise<SenderWorld> {
  const { jobs, receivers, interval = '1s', args = [], files = {}, config = '', start } = options
  await using owned = new AsyncDisposableStack()
  const requests = new Map(receivers.map(({ name }) => [name, [] as SentRequest[]]))
  const scrapes = new Map<string, number>()
  const server = createServer((request, response) => {
    const [, kind, name = ''] = new URL(request.url ?? '', 'http://x').pathname.split('/')
    if (kind === 'page') answerScrape(name, response)
    else void answerWrite(name, request, response)
  })
  const answerScrape = (name: string, response: ServerResponse) => {
    const job = jobs.find((one) => one.name === name)
    const n = scrapes.get(name) ?? 0
    scrapes.set(name, n + 1)
    const page = typeof job?.page === 'function' ? job.page(n) : job?.page
    if (page === undefined) response.writeHead(500).end()
    else response.writeHead(200, { 'content-type': job?.contentType ?? OPEN_METRICS }).end(page)
  }
  const answerWrite = async (name: string, request: IncomingMessage, response: ServerResponse) => {
    const receiver = receivers.find((one) => one.name === name)
    const kept = requests.get(name)
    if (receiver === undefined || kept === undefined) return void response.writeHead(404).end()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const one = sentOf(request, Buffer.concat(chunks))
    kept.push(one)
    const answer = receiver.answers?.(kept.length - 1, one) ?? { headers: one.version === 'v2' ? writtenOf(one) : {} }
    if (answer.instead !== undefined) return void answer.instead(response)
    response.writeHead(answer.status ?? 204, answer.headers).end(answer.body)
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  owned.defer(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const text = `${configOf(host, interval, jobs, receivers)}${config}`
  const directory = owned.use(await directoryOf({ ...files, 'prometheus.yml': text }))
  const assay = () =>
    serve([
      '--config',
      join(directory.path, 'prometheus.yml'),
      '--data',
      join(directory.path, 'data'),
      '--listen',
      '127.0.0.1:0',
      '--enable-feature=exemplar-storage,st-storage',
      ...args,
    ])
  const served = owned.use(await (start === undefined ? assay() : start(text)))
  const until: SenderWorld['until'] = async (holds, what) => {
    const end = performance.now() + PATIENCE_MS
    while (!(await holds())) {
      assert.ok(performance.now() < end, `not in time: ${what}\n${served.output().slice(-2000)}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const closing = owned.move()
  return {
    served,
    directory: directory.path,
    host,
    until,
    received: (name) => receivedOf(requests.get(name) ?? []),
    async metric(name, receiver) {
      const page = await (await fetch(`${served.url}/metrics`)).text()
      const line = page.split('\n').find((one) => one.startsWith(`${name}{remote_name="${receiver}"`))
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
    },
    scrapes: (job) => scrapes.get(job) ?? 0,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  }
}

function configOf(host: string, interval: string, jobs: readonly JobOf[], receivers: readonly ReceiverOf[]): string {
  const lines = [`global: { scrape_interval: ${interval} }`, 'scrape_configs:']
  for (const { name, settings } of jobs)
    lines.push(
      `  - { job_name: ${name}, metrics_path: /page/${name}, static_configs: [{ targets: ['${host}'] }]${more(settings)} }`,
    )
  lines.push('remote_write:')
  for (const { name, version, settings, queue, jobs: kept = '.*', url = `http://${host}/write/${name}` } of receivers)
    lines.push(
      `  - { name: ${name}, url: '${url}', protobuf_message: ${MESSAGES[version]}, send_exemplars: true, ` +
        `queue_config: { ${withDefaults(queue)} }, ` +
        `write_relabel_configs: [{ source_labels: [job], regex: '${kept}', action: keep }]${more(settings)} }`,
    )
  return `${lines.join('\n')}\n`
}

/** As in the suite, 429 is tried again; what is due goes soon. */
function withDefaults(queue = ''): string {
  const defaults = ['batch_send_deadline: 100ms', 'retry_on_http_429: true']
  return [...defaults.filter((one) => !queue.includes(one.split(':')[0]!)), ...(queue === '' ? [] : [queue])].join(', ')
}

function more(settings: string | undefined): string {
  return settings === undefined ? '' : `, ${settings}`
}

function sentOf(request: IncomingMessage, body: Buffer): SentRequest {
  const version = request.headers['content-type']?.includes('write.v2') === true ? 'v2' : 'v1'
  const bytes = Buffer.from(uncompressSync(body, { asBuffer: true }))
  return {
    method: request.method ?? '',
    headers: request.headers,
    body,
    version,
    message: version === 'v2' ? readV2(bytes) : readV1(bytes),
    atMs: performance.now(),
  }
}

/** The headers of a receiver of 2.0 that has written all. */
export function writtenOf({ message: { series } }: SentRequest): Record<string, string> {
  const sum = (of: (one: RawSeries) => number) => String(series.reduce((total, one) => total + of(one), 0))
  return {
    'X-Prometheus-Remote-Write-Samples-Written': sum(({ samples }) => samples.length),
    'X-Prometheus-Remote-Write-Histograms-Written': sum(({ histograms }) => histograms.length),
    'X-Prometheus-Remote-Write-Exemplars-Written': sum(({ exemplars }) => exemplars.length),
  }
}

function receivedOf(requests: readonly SentRequest[]): Received {
  const series = () => requests.flatMap(({ message }) => message.series)
  return {
    requests,
    series,
    of: (name, job) =>
      series().filter(
        ({ labels }) => labelOf(labels, '__name__') === name && (job === undefined || labelOf(labels, 'job') === job),
      ),
  }
}

export function labelOf(labels: RawSeries['labels'], name: string): string | undefined {
  return labels.find(([one]) => one === name)?.[1]
}

/** The labels but those of the target, as a record. */
export function ownLabels({ labels }: RawSeries): Readonly<Record<string, string>> {
  return Object.fromEntries(labels.filter(([name]) => name !== 'job' && name !== 'instance'))
}

/** A stale marker, by its bits. */
export const STALE_BITS = 0x7ff0000000000002n

export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'RECOMMENDED'
