/**
 * `assay demo`: the example company, and its faults by one call. Starting it is the example's own program; breaking and
 * healing talk to its control server, which listens one port above assay's.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { AssayError, messageOf } from '#core'

const status = z.looseObject({
  parts: z.array(z.looseObject({ name: z.string(), state: z.string(), address: z.string().default('') })),
  assay: z.looseObject({ state: z.string(), address: z.string() }),
  faults: z.array(z.looseObject({ name: z.string(), what: z.string(), since: z.string().optional() })),
})
const refusal = z.looseObject({ error: z.string() })

export type DemoStatus = z.output<typeof status>

/** Runs the demo in the foreground; resolves with its exit code. */
export async function runDemo(args: readonly string[], signal: AbortSignal): Promise<number> {
  const main = fileURLToPath(new URL('../../example/main.ts', import.meta.url))
  if (!existsSync(main)) {
    throw new AssayError(
      'ASSAY_DEMO',
      'the example company is not part of this installation; clone the repository and run `npm run demo`',
    )
  }
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], { stdio: 'inherit' })
  signal.addEventListener('abort', () => child.kill('SIGINT'))
  return await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)))
}

/** One call to the control server of the demo whose assay listens on `port`. Throws `ASSAY_DEMO` with what to do. */
export async function callDemo(port: number, method: 'GET' | 'POST', path: string): Promise<unknown> {
  const url = `http://127.0.0.1:${port + 1}${path}`
  const response = await fetch(url, { method, signal: AbortSignal.timeout(60_000) }).catch((cause: unknown) => {
    throw new AssayError(
      'ASSAY_DEMO',
      `no demo answers at port ${port}; start one with \`npm run demo\`, or name its port with --port`,
      { cause },
    )
  })
  const body: unknown = await response.json().catch((cause: unknown) => {
    throw new AssayError(
      'ASSAY_DEMO',
      `what listens on port ${port + 1} is no demo (${messageOf(cause)}); name its port with --port`,
      { cause },
    )
  })
  if (response.ok) return body
  const { data } = refusal.safeParse(body)
  throw new AssayError('ASSAY_DEMO', data?.error ?? `the demo answered ${response.status}`)
}

export async function demoStatus(port: number): Promise<DemoStatus> {
  const parsed = status.safeParse(await callDemo(port, 'GET', '/status'))
  if (!parsed.success)
    throw new AssayError('ASSAY_DEMO', `what listens on port ${port + 1} is no demo; name its port with --port`)
  return parsed.data
}

/** The status for people. */
export function formatStatus({ parts, assay, faults }: DemoStatus): string {
  const all = [...parts, { name: 'assay', ...assay }]
  const width = Math.max(...[...all, ...faults].map(({ name }) => name.length)) + 2
  const partLines = all.map(({ name, state, address }) =>
    `  ${name.padEnd(width)}${state.padEnd(10)}${address}`.trimEnd(),
  )
  const faultLines = faults.map(
    ({ name, what, since }) =>
      `  ${since === undefined ? '○' : '●'} ${name.padEnd(width)}${since === undefined ? '' : 'broken: '}${what}`,
  )
  return ['parts', ...partLines, 'faults', ...faultLines, ''].join('\n')
}
