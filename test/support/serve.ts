/** `assay serve` as a process, started as a user does, in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type Served = AsyncDisposable & {
  readonly url: string
  readonly child: ChildProcess
  readonly output: () => string
  /** Ends it; resolves with its exit code (`null` after a kill). */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
}

/** A directory with these files; removed when disposed. */
export async function directoryOf(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'assay-serve-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Starts it and waits for `ready`; rejects with what it printed when it ends instead. `bin`: of another checkout. */
export async function serve(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  bin?: string,
): Promise<Served> {
  const { child, exited, output } = start(args, environment, bin)
  const ready = new Promise<string>((resolve) => {
    const look = () => {
      const url = /"?url"?[:=]\s*"?(https?:\/\/[^"\s]+)|ready[^\n]*?(https?:\/\/[^"\s]+)/.exec(output())
      if (url !== null) resolve(url[1] ?? url[2] ?? '')
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
  })
  const url = await Promise.race([
    ready,
    exited.then((code) => {
      throw new Error(`assay serve ended with ${code}:\n${output()}`)
    }),
  ])
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return await exited
  }
  return {
    url: url.replace(/\/$/, ''),
    child,
    output,
    stop,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await stop()
    },
  }
}

/** Runs it to its end: for what must be refused at start. */
export async function refused(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { exited, output } = start(args, environment)
  return { code: await exited, output: output() }
}

function start(args: readonly string[], environment: NodeJS.ProcessEnv, bin = 'bin/assay') {
  const child = spawn(bin, ['serve', ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk))
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, exited, output: () => text }
}
