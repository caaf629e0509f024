/**
 * A program that is not ours, as a child: in a directory of its own, on loopback, waited for until it says that it is ready.
 * Disposal ends it and removes the directory. One that ends by itself rejects what waits for it, with what it printed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Peer, peer } from './peers.ts'

export type PeerProcess = AsyncDisposable & {
  readonly child: ChildProcess
  /** Its working directory: files are written here, data goes here. */
  readonly directory: string
  /** Everything it printed so far, as far as `OUTPUT_LIMIT` goes. */
  readonly output: () => string
  /** Resolves with the match of what it has printed or will print. */
  readonly printed: (what: RegExp) => Promise<RegExpExecArray>
  /** Ends it; resolves with its exit code (`null` after a kill). The directory stays until disposal. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
}

export type PeerOptions = {
  readonly program: Peer
  readonly args: (directory: string) => readonly string[]
  /** Written below its directory before it starts. */
  readonly files?: Readonly<Record<string, string>>
  readonly environment?: NodeJS.ProcessEnv
}

const READY_MS = 30_000
const OUTPUT_LIMIT = 4_000_000

export async function startPeer({ program, args, files = {}, environment = {} }: PeerOptions): Promise<PeerProcess> {
  const path = await peer(program)
  const directory = await mkdtemp(join(tmpdir(), `assay-${program}-`))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), text)
  }
  const child = spawn(path, args(directory), {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let text = ''
  const looks = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.length < OUTPUT_LIMIT) text += chunk
      for (const look of looks) look()
    })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  // Where a test is killed, what it started must not stay behind.
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return await ended
  }
  const printed = (what: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const give = (why: string) => {
        done()
        reject(new Error(`${program} ${why}:\n${text.slice(-4000)}`))
      }
      const look = () => {
        const match = what.exec(text)
        if (match === null) return
        done()
        resolve(match)
      }
      const timer = setTimeout(() => give(`did not print ${what} within ${READY_MS / 1000} s`), READY_MS)
      const done = () => {
        clearTimeout(timer)
        looks.delete(look)
      }
      looks.add(look)
      void ended.then((code) => give(`ended with ${code} before it printed ${what}`))
      look()
    })
  return {
    child,
    directory,
    output: () => text,
    printed,
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL')
      process.off('exit', kill)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A port that was free just now, for programs that must be told one. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('BUG: a listening server has no port')
  return address.port
}
