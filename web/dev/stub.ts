/**
 * A stub of assay's API with the workshop's data, for work on the pages without a running system, and for pictures.
 * It also serves the built pages with the same content security policy as the server.
 *
 *   node --conditions=assay-src web/dev/stub.ts --port 5301 --scenario mes-slow
 *
 * The scenario can be changed while it runs: POST /stub/scenario/NAME. Loopback only; nothing is kept.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { parseArgs } from 'node:util'
import { callers, company, edges, mesByChannel, SCENARIOS, type Scenario, type Series, type World } from './company.ts'
import { DISTRIBUTIONS, drawsHistograms, exemplarsBetween, infosOf, lookup } from './distributions.ts'
import { incidents, policies, tickets } from './story.ts'
import type { Chart, EventWire, IncidentSummaryWire, OverviewWire, PartPageWire, PartState, PartWire } from './wire.ts'

const DIST = join(import.meta.dirname, '..', 'dist')
const CSP =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** What one stub knows: its scenario, its switches, who listens. */
type Stage = { world: World; mode: OverviewWire['mode']; broken: boolean; readonly listeners: Set<ServerResponse> }

function isScenario(text: string): text is Scenario {
  return SCENARIOS.some((name) => name === text)
}

/** Each scenario begins so that "now" is its most telling moment. */
function worldOf(scenario: Scenario): World {
  const ago = { well: 600, 'mes-slow': 400, 'crm-db-blind': 460, empty: 600, approval: 240, resolved: 900 }[scenario]
  return { scenario, t0: Date.now() / 1000 - ago }
}

function signalsOf(stage: Stage, now: number): readonly PartWire[] {
  const open = incidents(stage.world, now).filter((incident) => incident.state !== 'resolved')
  return company(stage.world).map((part): PartWire => {
    const incident = open.find((candidate) => candidate.parts[0] === part.id)
    const blind = stage.world.scenario === 'crm-db-blind' && part.id === 'crmDb'
    const state: PartState = blind
      ? 'blind'
      : incident?.state === 'verifying'
        ? 'verifying'
        : incident === undefined
          ? 'ok'
          : 'firing'
    return {
      id: part.id,
      title: part.title,
      kind: part.kind,
      uses: part.uses,
      instances: part.instances,
      state,
      reason: blind
        ? 'password refused for user "assay"; check CRM_DB_URL'
        : incident === undefined
          ? ''
          : 'p95 above 500 ms',
      since: blind ? new Date(stage.world.t0 * 1000).toISOString() : (incident?.openedAt ?? null),
      incident: incident?.id ?? null,
      signals: part.signals.map(({ series, wholeOf, ...signal }) => {
        const at = series[0]!.at
        return {
          ...signal,
          value: stage.world.scenario === 'empty' ? null : at(now),
          of: wholeOf ?? null,
          spark: Array.from({ length: 61 }, (_, i) => now - 1800 + i * 30).map(
            (t) => [t, stage.world.scenario === 'empty' && t < now - 40 ? null : at(t)] as const,
          ),
        }
      }),
    }
  })
}

function overview(stage: Stage, now: number): OverviewWire {
  const list = incidents(stage.world, now)
  const parts =
    stage.world.scenario === 'empty'
      ? signalsOf(stage, now).map((part) => ({
          ...part,
          state: 'pending' as const,
          reason: 'waiting for the first data',
        }))
      : signalsOf(stage, now)
  const told = {
    well: ['All is well.', '8 parts watched; nothing has happened since yesterday 18:20.', 'ok'],
    empty: ['Waiting for the first data.', '8 parts are being asked; the first answers are due within 5 s.', 'pending'],
    'mes-slow': [
      'mes answers slowly.',
      'p95 640 ms, limit 500 ms. Ticket #41 is open for the developers. A third instance was added; latency is falling.',
      'verifying',
    ],
    approval: [
      'mes answers slowly, and you are asked.',
      'Scale mes from 2 to 3 instances? The question stands for 4 min.',
      'firing',
    ],
    'crm-db-blind': [
      "crm db can't be reached: password refused.",
      'Nothing is known of it since 7 min. crm is not restarted: that would not help. Ticket #42 is open for the developers.',
      'escalated',
    ],
    resolved: ['All is well again.', 'mes answered slowly for 5 min; a third instance helped.', 'ok'],
  }[stage.world.scenario]
  return {
    name: 'workshop',
    now: new Date(now * 1000).toISOString(),
    sentence: told[0]!,
    detail: told[1]!,
    state: told[2] as PartState,
    mode: stage.mode,
    parts,
    edges: stage.world.scenario === 'empty' ? [] : edges(stage.world, now),
    callers: callers(stage.world, now).map((caller) =>
      stage.world.scenario === 'empty' ? { ...caller, rate: null, now: null, today: null } : caller,
    ),
    incidents: list.map(summary),
  }
}

function summary(incident: IncidentSummaryWire): IncidentSummaryWire {
  const { id, policy, title, parts, state, openedAt, resolvedAt } = incident
  return { id, policy, title, parts, state, openedAt, resolvedAt }
}

const EXTRA =
  'histogram_quantile(0.95, sum by (le, channel) (rate(http_server_request_duration_seconds_bucket{job="mes"}[1m])))'

function partPage(stage: Stage, id: string, now: number): PartPageWire | undefined {
  const part = signalsOf(stage, now).find((candidate) => candidate.id === id)
  if (part === undefined) return undefined
  const charts: Chart[] = part.signals.map((signal) => ({
    id: signal.id,
    title: signal.title,
    unit: signal.unit,
    expr: signal.expr,
    ...(signal.limit === null ? {} : { limit: signal.limit }),
  }))
  if (id === 'mes')
    charts.splice(2, 1, {
      id: 'p95',
      title: 'p95 by channel',
      unit: 'seconds',
      expr: EXTRA,
      legend: 'channel',
      limit: 0.5,
    })
  return {
    part,
    charts,
    incidents: incidents(stage.world, now)
      .filter((incident) => incident.parts.includes(id))
      .map(summary),
    policies: policies(stage.world).filter((policy) => policy.parts.includes(id)),
  }
}

/** Series for an expression: by its exact text, else a few wobbling lines, so that Explore shows something. */
function seriesOf(stage: Stage, expr: string): readonly Series[] {
  if (expr === EXTRA) return mesByChannel(stage.world)
  if (expr.startsWith('up'))
    return company(stage.world).map((part) => ({
      labels: { __name__: 'up', job: part.id },
      at: (t) => (part.id === 'crmDb' && stage.world.scenario === 'crm-db-blind' && t > stage.world.t0 ? 0 : 1),
    }))
  for (const part of company(stage.world))
    for (const signal of part.signals) if (signal.expr === expr) return signal.series
  return ['open', 'internal'].map((channel, i) => ({
    labels: { channel, job: 'mes' },
    at: (t) => (i + 1) * (1 + Math.sin(t / 300 + i)),
  }))
}

function refusalOf(expr: string): unknown {
  if (expr.includes('(') && expr.split('(').length !== expr.split(')').length)
    return {
      status: 'error',
      errorType: 'bad_data',
      error: `1:${expr.length}: unclosed left parenthesis; close it, or remove it`,
    }
  return undefined
}

function queryRange(stage: Stage, query: URLSearchParams): unknown {
  const expr = query.get('query') ?? ''
  const refusal = refusalOf(expr)
  if (refusal !== undefined) return refusal
  const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(query.get(name))) as [number, number, number]
  const now = Date.now() / 1000
  if (drawsHistograms(expr)) {
    const result = DISTRIBUTIONS.map(({ labels, at }) => {
      const histograms: [number, unknown][] = []
      for (let t = start; t <= Math.min(end, now); t += step) {
        const histogram = at(t)
        if (histogram !== undefined) histograms.push([t, histogram])
      }
      return { metric: labels, histograms }
    })
    return { status: 'success', data: { resultType: 'matrix', result }, infos: infosOf(expr) }
  }
  const result = seriesOf(stage, expr).map(({ labels, at }) => {
    const values: [number, string][] = []
    for (let t = start; t <= Math.min(end, now); t += step) {
      const value = at(t)
      if (value !== null) values.push([t, String(value)])
    }
    return { metric: labels, values }
  })
  return { status: 'success', data: { resultType: 'matrix', result } }
}

function queryInstant(stage: Stage, query: URLSearchParams): unknown {
  const expr = query.get('query') ?? ''
  const refusal = refusalOf(expr)
  if (refusal !== undefined) return refusal
  const now = Number(query.get('time'))
  const result = drawsHistograms(expr)
    ? DISTRIBUTIONS.map(({ labels, at }) => ({ metric: labels, histogram: [now, at(now)] }))
    : seriesOf(stage, expr).flatMap(({ labels, at }) => {
        const value = at(now)
        return value === null ? [] : [{ metric: labels, value: [now, String(value)] }]
      })
  return { status: 'success', data: { resultType: 'vector', result }, infos: infosOf(expr) }
}

function targets(stage: Stage): unknown {
  const now = Date.now()
  return {
    status: 'success',
    data: {
      droppedTargets: [],
      activeTargets: company(stage.world).map((part, i) => {
        const down = part.id === 'crmDb' && stage.world.scenario === 'crm-db-blind'
        return {
          labels: { job: part.id, instance: part.kind === 'api' ? `127.0.0.1:243${i}` : part.id },
          discoveredLabels: {},
          scrapePool: part.id,
          scrapeUrl: part.kind === 'api' ? `http://127.0.0.1:243${i + 1}/metrics` : `${part.kind}://${part.id}`,
          globalUrl: '',
          health: stage.world.scenario === 'empty' ? 'unknown' : down ? 'down' : 'up',
          lastError: down
            ? 'password authentication failed for user "assay"; check CRM_DB_URL or the role in PostgreSQL'
            : '',
          lastScrape: new Date(now - 1200 - i * 300).toISOString(),
          lastScrapeDuration: 0.0042 * (i + 1),
          scrapeInterval: '5s',
          scrapeTimeout: '4s',
        }
      }),
    },
  }
}

function answer(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-security-policy': CSP })
  response.end(JSON.stringify(body))
}

function tell(stage: Stage, event: EventWire): void {
  for (const listener of stage.listeners) listener.write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`)
}

async function handle(stage: Stage, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stub')
  const now = Date.now() / 1000
  const path = url.pathname
  if (path.startsWith('/stub/scenario/')) {
    const name = path.split('/').at(-1) ?? ''
    if (!isScenario(name)) return answer(response, { error: `no such scenario; one of ${SCENARIOS.join(', ')}` }, 404)
    stage.world = worldOf(name)
    tell(stage, { kind: 'overview' })
    return answer(response, { scenario: name })
  }
  if (path === '/stub/break' || path === '/stub/mend') {
    if (path === '/stub/break') breakDown(stage)
    else stage.broken = false
    return answer(response, { broken: stage.broken })
  }
  if (stage.broken && path.startsWith('/api/')) return void request.socket.destroy()
  if (path === '/api/v1/query_range') {
    const body = queryRange(stage, url.searchParams)
    return answer(response, body, (body as { status: string }).status === 'error' ? 400 : 200)
  }
  if (path === '/api/v1/query') {
    const body = queryInstant(stage, url.searchParams)
    return answer(response, body, (body as { status: string }).status === 'error' ? 400 : 200)
  }
  if (path === '/api/v1/query_exemplars') {
    const [start, end] = [Number(url.searchParams.get('start')), Number(url.searchParams.get('end'))]
    const known = drawsHistograms((url.searchParams.get('query') ?? '').replaceAll('histogram_', ''))
    return answer(response, { status: 'success', data: known ? exemplarsBetween(start, end) : [] })
  }
  const found = path.startsWith('/api/v1/') ? lookup(path) : undefined
  if (found !== undefined) return answer(response, found)
  if (path === '/api/v1/targets') return answer(response, targets(stage))
  if (!path.startsWith('/api/assay/v1/')) return await file(path, response)
  const [noun = '', id, verb] = path.slice('/api/assay/v1/'.length).split('/')
  if (request.method === 'POST') {
    if (noun === 'pause') stage.mode = 'paused'
    if (noun === 'resume') stage.mode = 'auto'
    if (verb === 'approve') stage.world = { ...worldOf('mes-slow') }
    tell(stage, { kind: 'overview' })
    return answer(response, {})
  }
  switch (noun) {
    case 'overview':
      return answer(response, overview(stage, now))
    case 'incidents': {
      const list = incidents(stage.world, now)
      if (id === undefined) return answer(response, { incidents: list })
      const found = list.find((incident) => incident.id === id)
      return answer(response, found ?? { error: `There is no incident ${id}.` }, found === undefined ? 404 : 200)
    }
    case 'tickets':
      return answer(response, { tickets: tickets(stage.world, now) })
    case 'policies':
      return answer(response, { policies: policies(stage.world) })
    case 'parts': {
      const page = partPage(stage, id ?? '', now)
      return answer(response, page ?? { error: `There is no part ${id}.` }, page === undefined ? 404 : 200)
    }
    case 'events':
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write('retry: 2000\n\n')
      stage.listeners.add(response)
      response.on('close', () => stage.listeners.delete(response))
      return
    default:
      return answer(response, { error: `no such path: ${path}` }, 404)
  }
}

async function file(path: string, response: ServerResponse): Promise<void> {
  const inside = normalize(path === '/' ? '/index.html' : path).replace(/^(\.\.\/)+/, '')
  const body = await readFile(join(DIST, inside)).catch(() => undefined)
  if (body === undefined) return answer(response, { error: 'not found; is web/dist built? npm run build -w web' }, 404)
  response.writeHead(200, {
    'content-type': TYPES[extname(inside)] ?? 'application/octet-stream',
    'content-security-policy': CSP,
  })
  response.end(body)
}

/** A running stub. Closing it ends every open stream. */
export type Stub = {
  readonly url: string
  show(scenario: Scenario): void
  breakDown(): void
  mend(): void
} & AsyncDisposable

/** `port` 0: any free one. */
export async function openStub(port: number, scenario: Scenario): Promise<Stub> {
  const stage: Stage = { world: worldOf(scenario), mode: 'auto', broken: false, listeners: new Set() }
  const server = createServer((request, response) => {
    handle(stage, request, response).catch((cause: unknown) => answer(response, { error: String(cause) }, 500))
  })
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done))
  const pulse = setInterval(() => tell(stage, { kind: 'overview' }), 2000)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('BUG: a stub without a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    show(next) {
      stage.world = worldOf(next)
      tell(stage, { kind: 'overview' })
    },
    breakDown: () => breakDown(stage),
    mend: () => {
      stage.broken = false
    },
    async [Symbol.asyncDispose]() {
      clearInterval(pulse)
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

function breakDown(stage: Stage): void {
  stage.broken = true
  for (const listener of stage.listeners) listener.destroy()
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '5301' }, scenario: { type: 'string', default: 'mes-slow' } },
  })
  const stub = await openStub(Number(values.port), isScenario(values.scenario) ? values.scenario : 'mes-slow')
  process.stdout.write(`stub: ${stub.url}\n`)
}
