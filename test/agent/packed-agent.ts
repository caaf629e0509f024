/** The package as it is published: packed, and unpacked into an empty folder of its own. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { freePort } from '../../agent/src/test-support/service.ts'

const AGENT = join(import.meta.dirname, '../../agent')
/** The system's own Node is often an older one. */
export const NODES: readonly string[] = [
  process.execPath,
  ...['/usr/bin/node', '/usr/local/bin/node'].filter((path) => existsSync(path)),
]

export type PackedAgent = AsyncDisposable & {
  readonly folder: string
  /** Where it is in there. */
  readonly home: string
}

export async function packAgent(): Promise<PackedAgent> {
  const run = promisify(execFile)
  await using owned = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'assay-packed-'))
  owned.defer(() => rm(folder, { recursive: true, force: true }))
  await run('npm', ['pack', '--pack-destination', folder], { cwd: AGENT })
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  const home = join(folder, 'node_modules/@assay/agent')
  await mkdir(home, { recursive: true })
  await run('tar', ['-xzf', join(folder, tarball), '-C', home, '--strip-components=1'])
  const whole = owned.move()
  return { folder, home, [Symbol.asyncDispose]: () => whole.disposeAsync() }
}

export type App = AsyncDisposable & {
  /** What it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>
  metrics(): Promise<string>
  stderr(): string
  /** Lets it end by itself. */
  end(): Promise<readonly unknown[]>
}

/** Starts an application in that folder; it prints one line of JSON when it is ready, and ends at a line on stdin. */
export async function startApp(
  folder: string,
  node: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<App> {
  const listen = `127.0.0.1:${await freePort()}`
  const { NODE_OPTIONS: _, ...inherited } = process.env
  const child = spawn(node, flags, {
    cwd: folder,
    env: { ...inherited, ASSAY_AGENT_LISTEN: listen, NODE_APP_INSTANCE: '', ...env },
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const gone = once(child, 'exit')
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    gone.then(() => [undefined]),
  ])
  if (typeof line[0] !== 'string') throw new Error(`${node} ${flags.join(' ')} has ended: ${errors}`)
  return {
    ready: JSON.parse(line[0]) as Record<string, unknown>,
    stderr: () => errors,
    metrics: async () => await (await fetch(`http://${listen}/metrics`, { signal: AbortSignal.timeout(2_000) })).text(),
    end: async () => {
      child.stdin.write('end\n')
      return await gone
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await gone
    },
  }
}
