/**
 * Runs a command as a list of arguments, never through a shell: nothing in a name can become a second command.
 *
 * - Output is bounded; what is beyond is dropped.
 * - An abort ends the child, at first politely, and after `KILL_AFTER_MS` for good.
 */
import { spawn } from 'node:child_process'
import { AssayError } from '#core'

const MAX_OUTPUT = 4 * 1024 * 1024
const KILL_AFTER_MS = 2000
const LINGER_MS = 1000

export type Ran = { readonly stdout: string; readonly stderr: string }

/**
 * Rejects with `ASSAY_RUNTIME_COMMAND` when it can't be started or ends with another code than 0, and with the
 * signal's reason when aborted.
 */
export function run(argv: readonly string[], env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Ran> {
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  const [command, ...args] = argv
  if (command === undefined || command === '') {
    return Promise.reject(
      new AssayError('ASSAY_RUNTIME_COMMAND', 'the command is empty; write the program and its arguments'),
    )
  }
  if (signal.aborted) return Promise.reject(signal.reason)
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: false,
  })
  const out = collector()
  const err = collector()
  child.stdout.on('data', out.take)
  child.stderr.on('data', err.take)
  let kill: NodeJS.Timeout | undefined
  const abort = () => {
    child.kill('SIGTERM')
    kill = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
    kill.unref()
    // What it started may hold its pipes open: it is not waited for.
    reject(signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  const over = () => {
    clearTimeout(kill)
    signal.removeEventListener('abort', abort)
  }
  child.on('error', (cause) => {
    over()
    reject(
      new AssayError(
        'ASSAY_RUNTIME_COMMAND',
        `${command} can't be started: ${cause.message}; see that it is installed`,
        { cause },
      ),
    )
  })
  const finish = (code: number | string | null) => {
    clearTimeout(linger)
    over()
    child.stdout.destroy()
    child.stderr.destroy()
    if (code === 0) resolve({ stdout: out.text(), stderr: err.text() })
    else reject(new AssayError('ASSAY_RUNTIME_COMMAND', failure(argv, code, err.text() || out.text())))
  }
  let linger: NodeJS.Timeout | undefined
  // `close` comes once all output is read. A daemon that inherited the pipes may hold them open for good.
  child.on('close', (code, died) => finish(code ?? died))
  child.on('exit', (code, died) => {
    linger = setTimeout(() => finish(code ?? died), LINGER_MS)
  })
  return promise
}

function failure(argv: readonly string[], code: number | string | null, said: string): string {
  const last = said.trim().split('\n').slice(-3).join(' ').slice(0, 300)
  return `${argv.join(' ')} ended with ${code}${last === '' ? '' : `: ${last}`}`
}

function collector() {
  const chunks: Buffer[] = []
  let size = 0
  return {
    take: (chunk: Buffer) => {
      if (size < MAX_OUTPUT) chunks.push(chunk)
      size += chunk.length
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}
