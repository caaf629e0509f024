/**
 * Starts a service in a process of its own, with the agent by --import, as its users do; ends it when disposed.
 *
 * The service prints one JSON line when it listens. Ports are free ones, taken by asking the system.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const AGENT = fileURLToPath(new URL('../index.ts', import.meta.url))

export type Service = AsyncDisposable & {
  readonly child: ChildProcess
  /** What it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>
  /** All it wrote to stderr so far. */
  stderr(): string
  readonly metricsPort: number
  /** The text page with all that is to be on it, or a rejection: asked for until the loops of all processes have answered. */
  metrics(headers?: Readonly<Record<string, string>>): Promise<string>
  /** The text page as it comes: without what needs a loop that does not answer. */
  pageAsItComes(headers?: Readonly<Record<string, string>>): Promise<string>
}

/** Enough for a machine with much to do to let a loop that turns answer in time. */
const WHOLE_MS = 10_000

/** `file` is relative to test-support. */
export async function startService(file: string, env: Readonly<Record<string, string>> = {}): Promise<Service> {
  const metricsPort = env['METRICS_PORT'] === undefined ? await freePort() : Number(env['METRICS_PORT'])
  const child = spawn(
    process.execPath,
    ['--conditions=assay-src', '--import', AGENT, fileURLToPath(new URL(file, import.meta.url))],
    {
      env: { ...process.env, ASSAY_AGENT_LISTEN: `127.0.0.1:${metricsPort}`, NODE_APP_INSTANCE: '', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const lines = createInterface({ input: child.stdout })
  const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => ['{"exited":true}'])])) as [
    string,
  ]
  // The address is not there before the service listens, and changes threads after the first scrape.
  const page = (headers: Readonly<Record<string, string>> = {}): Promise<string> =>
    until(
      async () => {
        const signal = AbortSignal.timeout(5_000)
        return await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers, signal })).text()
      },
      () => true,
      2_000,
    )
  return {
    child,
    metricsPort,
    ready: JSON.parse(line) as Record<string, unknown>,
    stderr: () => errors.join(''),
    async metrics(headers) {
      const first = await page(headers)
      return isWhole(first) ? first : await until(() => page(headers), isWhole, WHOLE_MS)
    },
    pageAsItComes: page,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

function isWhole(page: string): boolean {
  return !/^nodejs_eventloop_blocked_seconds(?:\{.*\})? (?!0$)/m.test(page)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Asks again and again, without a pause of its own beyond a turn of the loop, until the answer is wanted; rejects after `withinMs`. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, withinMs = 10_000): Promise<T> {
  const deadline = performance.now() + withinMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const answer = await ask()
      if (wanted(answer)) return answer
      last = answer
    } catch (cause) {
      last = cause
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`not within ${withinMs} ms; last: ${String(last)}`)
}
