/** Processes under test: started, asked by message, ended by whoever started them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Usage } from './service.ts'
import { type Kind, startOf, type Way } from './ways.ts'

const SERVICE = fileURLToPath(new URL('./service.ts', import.meta.url))

export type Child = AsyncDisposable & {
  readonly process: ChildProcess
  /** Its first message. */
  readonly ready: Usage & { readonly port: number }
  usage(): Promise<Usage>
}

/** `more`: flags of Node beside those of the way. */
export async function startService(
  kind: Kind,
  way: Way,
  { sink, more = [] }: { readonly sink: number; readonly more?: readonly string[] },
): Promise<Child> {
  const { flags, env } = startOf(way, sink)
  const child = fork(SERVICE, [kind, way], {
    execArgv: ['--conditions=assay-src', '--disable-warning=ExperimentalWarning', ...more, ...flags],
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1', NODE_APP_INSTANCE: '', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ready = await answerOf<Child['ready']>(child, `${way} (${kind})`)
  return {
    process: child,
    ready,
    async usage() {
      child.send('usage')
      return await answerOf<Usage>(child, way)
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Runs a module to its end, and gives the one message that it sends. */
export async function runChild<T>(file: string, given: readonly string[], flags: readonly string[] = []): Promise<T> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), given, {
    execArgv: ['--conditions=assay-src', '--disable-warning=ExperimentalWarning', '--expose-gc', ...flags],
    env: { ...process.env, NODE_OPTIONS: '', NODE_APP_INSTANCE: '' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const gone = once(child, 'exit')
  const answer = await answerOf<T>(child, `${file} ${given.join(' ')}`)
  child.kill('SIGKILL')
  await gone
  return answer
}

function answerOf<T>(child: ChildProcess, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: T): void => {
      child.off('exit', onExit)
      resolve(message)
    }
    const onExit = (code: number | null): void => {
      child.off('message', onMessage)
      reject(new Error(`${what} ended with ${code}`))
    }
    child.once('message', onMessage)
    child.once('exit', onExit)
  })
}

/** What the system says of a process' threads together: how often they were woken, and their CPU time in microseconds. */
export function restOf(pid: number): { readonly wakeUps: number; readonly cpu: number } {
  let wakeUps = 0
  let cpu = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
    wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    cpu += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1_000
  }
  return { wakeUps, cpu }
}

/** A server that takes whatever traces are sent and throws them away. */
export async function openSink(): Promise<Disposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
