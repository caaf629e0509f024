/**
 * The demo as a user starts it: a process, an address, and nothing else. Tests speak to it over HTTP alone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { IncidentWire, OverviewWire, TicketWire } from '#server'

/** The demo takes this many ports from its first one on. */
const PORTS = 40

export type Demo = AsyncDisposable & {
  readonly url: string
  readonly control: string
  readonly port: number
  readonly data: string
  readonly output: () => string
  /** Stops it as Ctrl-C does; resolves with the exit code. */
  readonly stop: () => Promise<number | null>
  readonly child: ChildProcess
}

/** Starts the demo and waits until it says `ready`. */
export async function startDemo(
  options: { readonly port?: number; readonly data?: string; readonly load?: boolean } = {},
): Promise<Demo> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'assay-demo-')))
  const port = options.port ?? (await freeBlock(PORTS))
  const args = [
    '--conditions=assay-src',
    '--disable-warning=ExperimentalWarning',
    'example/main.ts',
    '--port',
    String(port),
    '--data',
    data,
  ]
  if (options.load === false) args.push('--no-load')
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve))
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const stop = async () => {
    child.kill('SIGINT')
    return await exited
  }
  const demo: Demo = {
    url: `http://127.0.0.1:${port}`,
    control: `http://127.0.0.1:${port + 1}`,
    port,
    data,
    child,
    output: () => output,
    stop,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await stop()
      if (options.data === undefined) await rm(data, { recursive: true, force: true })
    },
  }
  const gone = exited.then((code) => {
    throw new Error(`the demo ended with ${code} before it was ready:\n${output}`)
  })
  gone.catch(() => {})
  await Promise.race([
    gone,
    until(() => /\bready\b/.test(output), { what: () => `the demo is ready\n${output}`, withinMs: 180_000 }),
  ])
  return demo
}

/** Waits until `holds` does, asking again and again; what it throws counts as "not yet". Fails with `what`. */
export async function until<T>(
  holds: () => T | Promise<T>,
  options: { readonly what: string | (() => string); readonly withinMs: number; readonly everyMs?: number },
): Promise<NonNullable<T>> {
  const deadline = performance.now() + options.withinMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const value = await holds()
      if (value) return value
    } catch (error) {
      last = error
    }
    await wait(options.everyMs ?? 250)
  }
  const what = typeof options.what === 'string' ? options.what : options.what()
  throw new Error(`not within ${options.withinMs / 1000} s: ${what}`, last === undefined ? {} : { cause: last })
}

export async function json<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000), ...init })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

export const overview = (demo: Demo) => json<OverviewWire>(`${demo.url}/api/assay/v1/overview`)
export const incidents = async (demo: Demo) =>
  (await json<{ incidents: IncidentWire[] }>(`${demo.url}/api/assay/v1/incidents`)).incidents
export const tickets = async (demo: Demo) =>
  (await json<{ tickets: TicketWire[] }>(`${demo.url}/api/assay/v1/tickets`)).tickets

/** One number by PromQL, `undefined` when there is none. */
export async function value(demo: Demo, promql: string): Promise<number | undefined> {
  const answer = await json<{ data: { result: { value: [number, string] }[] } }>(
    `${demo.url}/api/v1/query?query=${encodeURIComponent(promql)}`,
  )
  const text = answer.data.result[0]?.value[1]
  return text === undefined ? undefined : Number(text)
}

/** Runs the command line as a user does; resolves with what it printed. */
export async function assay(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn('bin/assay', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}

/** The first of `count` ports in a row that are free now, far from where a person's demo stands. */
async function freeBlock(count: number): Promise<number> {
  for (let first = 20_000 + Math.floor(Math.random() * 200) * 50; first < 32_000; first += 50) {
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)))
    if (free.every(Boolean)) return first
  }
  throw new Error('no block of free ports')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
