/** For the integration tests alone: a demo in a temporary directory, and ways to look at it from outside. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Demo, startDemo } from './demo.ts'
import { LAST_OFFSET } from './ports.ts'

/** A base whose ports are all free now. Below the range the kernel hands out itself. */
export async function freeBase(): Promise<number> {
  for (;;) {
    const base = 15_000 + Math.floor(Math.random() * 250) * 60
    const free = await Promise.all(Array.from({ length: LAST_OFFSET + 1 }, (_, i) => canListen(base + i)))
    if (free.every(Boolean)) return base
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

export function temporaryDir(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'assay-demo-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** The company without assay, in a directory that goes with it. */
export async function startCompanyAlone(options: {
  readonly load: boolean
}): Promise<Demo & { readonly data: string }> {
  await using owned = new AsyncDisposableStack()
  const dir = owned.use(temporaryDir())
  const demo = owned.use(
    await startDemo({
      port: await freeBase(),
      data: dir.path,
      load: options.load,
      assay: false,
      say: () => {},
      signal: AbortSignal.timeout(120_000),
    }),
  )
  const all = owned.move()
  return { ...demo, data: dir.path, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Waits until `look` gives a value that is not undefined; fails with `what` after `timeoutMs`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  for (;;) {
    const value = await (async () => look())().catch((err: unknown) => void (last = err))
    if (value !== undefined) return value
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}`, { cause: last })
    await sleep(100)
  }
}

export type Told = {
  readonly status: number
  readonly ms: number
  readonly body: Readonly<Record<string, unknown>>
  readonly cookie: string
}

/** One request over a connection of its own, with the time it took. */
export async function ask(
  url: string,
  options: {
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly json?: unknown
    readonly bytes?: Uint8Array<ArrayBuffer>
  } = {},
): Promise<Told> {
  const { method = 'GET', headers = {}, json, bytes } = options
  const began = performance.now()
  const body = bytes ?? (json === undefined ? null : JSON.stringify(json))
  const type: Readonly<Record<string, string>> =
    bytes === undefined
      ? json === undefined
        ? {}
        : { 'content-type': 'application/json' }
      : { 'content-type': 'model/stl' }
  const response = await fetch(url, {
    method,
    headers: { connection: 'close', ...type, ...headers },
    body,
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  return {
    status: response.status,
    ms: performance.now() - began,
    body: text.startsWith('{') ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : { text },
    cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '',
  }
}

/** All samples of one metric on an exposition page, by their label text. */
export async function scrape(
  url: string,
  metric: string,
): Promise<readonly { readonly labels: string; readonly value: number }[]> {
  const page = await (await fetch(url, { signal: AbortSignal.timeout(5000) })).text()
  return [...page.matchAll(new RegExp(`^${metric}(?:\\{(.*)\\})? (\\S+)`, 'gm'))].map(([, labels = '', value]) => ({
    labels,
    value: Number(value),
  }))
}
