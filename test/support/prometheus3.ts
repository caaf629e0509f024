/**
 * A real Prometheus 3 on a free port of loopback, and promtool. Where there is none, tests skip:
 *
 *   test('...', { skip: await peersMissing() }, async () => {
 *     await using prometheus = await startPrometheus({ config: 'global: {}' })
 *     await fetch(`${prometheus.url}/api/v1/query?query=1`)
 *   })
 */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PeerProcess, startPeer } from './peer-process.ts'
import { peer } from './peers.ts'

export { freePort } from './peer-process.ts'
export { peersMissing, prometheusVersion } from './peers.ts'

export type PrometheusOptions = {
  /** `prometheus.yml`, as text. Paths in it are below the process' own directory. */
  readonly config?: string
  /** More files beside it: rule files, targets of `file_sd_configs`. */
  readonly files?: Readonly<Record<string, string>>
  /** Names for `--enable-feature`. */
  readonly features?: readonly string[]
  /** More flags. The receiver of remote write and the lifecycle are on; Debian builds it without OTLP. */
  readonly args?: readonly string[]
  /** Only where its own configuration must name it (`freePort`); else a free one is taken. */
  readonly port?: number
}

export type Prometheus = AsyncDisposable & {
  readonly url: string
  readonly port: number
  readonly process: PeerProcess
  /** Writes another `prometheus.yml` and makes it take effect. Rejects with its words when it refuses. */
  readonly configure: (config: string) => Promise<void>
  readonly promtool: (...args: readonly string[]) => Promise<ToolResult>
}

export type ToolResult = { readonly code: number; readonly stdout: string; readonly stderr: string }

export async function startPrometheus(options: PrometheusOptions = {}): Promise<Prometheus> {
  const { config = '', files = {}, features = [], args = [], port = 0 } = options
  const started = await startPeer({
    program: 'prometheus',
    files: { ...files, 'prometheus.yml': config },
    args: (directory) => [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--web.enable-lifecycle',
      '--storage.tsdb.retention.time=100y',
      ...(features.length > 0 ? [`--enable-feature=${features.join(',')}`] : []),
      ...args,
    ],
  })
  try {
    const [, address] = await started.printed(/msg="Listening on" component=web address=127\.0\.0\.1:(\d+)/)
    await started.printed(/Server is ready to receive web requests/)
    const url = `http://127.0.0.1:${address}`
    return {
      url,
      port: Number(address),
      process: started,
      async configure(next) {
        await writeFile(join(started.directory, 'prometheus.yml'), next)
        const response = await fetch(`${url}/-/reload`, { method: 'POST' })
        if (!response.ok) throw new Error(`prometheus refuses the configuration: ${await response.text()}`)
      },
      promtool,
      [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
    }
  } catch (cause) {
    await started[Symbol.asyncDispose]()
    throw cause
  }
}

/** Runs promtool to its end, at most 30 s. `input` goes to its standard input. A code other than 0 is an answer, not an error. */
export async function promtool(...args: readonly string[]): Promise<ToolResult> {
  return await runTool(await peer('promtool'), args)
}

/** As `promtool check metrics < page`: what the linter says of an exposition page. */
export async function checkMetrics(page: string): Promise<ToolResult> {
  return await runTool(await peer('promtool'), ['check', 'metrics'], page)
}

function runTool(path: string, args: readonly string[], input?: string): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      path,
      args,
      { timeout: 30_000, maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr })
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr })
        else reject(error)
      },
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input ?? '')
  })
}
