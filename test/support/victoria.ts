/** vmagent and vmalert of VictoriaMetrics, as their users start them. */
import { freePort, type PeerProcess, startPeer } from './peer-process.ts'

export type Victoria = AsyncDisposable & { readonly url: string; readonly process: PeerProcess }

/** Scrapes what `config` (a `prometheus.yml`) names, and writes to `writeTo`, the address of a remote write receiver. */
export function startVmagent(options: {
  readonly config: string
  readonly writeTo: string
  readonly args?: readonly string[]
}): Promise<Victoria> {
  return start('vmagent', { 'prometheus.yml': options.config }, (directory) => [
    `-promscrape.config=${directory}/prometheus.yml`,
    `-remoteWrite.url=${options.writeTo}`,
    `-remoteWrite.tmpDataPath=${directory}/queue`,
    '-remoteWrite.flushInterval=200ms',
    ...(options.args ?? []),
  ])
}

/** Evaluates `rules` on `datasource`, a server of Prometheus' API; writes what they yield to the same, and reads its state from it. */
export function startVmalert(options: {
  readonly rules: string
  readonly datasource: string
  readonly args?: readonly string[]
}): Promise<Victoria> {
  return start('vmalert', { 'rules.yml': options.rules }, (directory) => [
    `-rule=${directory}/rules.yml`,
    `-datasource.url=${options.datasource}`,
    `-remoteRead.url=${options.datasource}`,
    // The path of the receiver is added by vmalert itself.
    `-remoteWrite.url=${options.datasource}`,
    '-remoteWrite.flushInterval=200ms',
    '-notifier.blackhole',
    ...(options.args ?? []),
  ])
}

async function start(
  program: 'vmagent' | 'vmalert',
  files: Readonly<Record<string, string>>,
  args: (directory: string) => readonly string[],
): Promise<Victoria> {
  const port = await freePort()
  const started = await startPeer({
    program,
    files,
    args: (directory) => [`-httpListenAddr=127.0.0.1:${port}`, ...args(directory)],
  })
  try {
    await started.printed(/started server at http:\/\/127\.0\.0\.1:/)
  } catch (cause) {
    await started[Symbol.asyncDispose]()
    throw cause
  }
  return {
    url: `http://127.0.0.1:${port}`,
    process: started,
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
}
