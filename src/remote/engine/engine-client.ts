/**
 * Asks a remote engine over Prometheus' HTTP API, and says in one sentence what went wrong when it does.
 *
 * - Every question has a deadline and ends with its signal; an answer that is parsed has a limit in bytes.
 * - `forward` hands an answer on as it comes, byte by byte, refusals of the engine included; `ask` parses it.
 * - Nothing is tried again here: who asks is told, and a question of a rule comes again with its interval.
 */
import type { IncomingMessage } from 'node:http'
import {
  AssayError,
  type Clock,
  createHttpClient,
  type HttpClient,
  type HttpClientConfig,
  messageOf,
  redactUrl,
  type Text,
} from '#core'

export type EngineClientConfig = {
  /** What stands before `/api/v1`: `http://127.0.0.1:8428`, or with the path of a tenant. No slash at its end. */
  readonly url: string
  readonly http: HttpClientConfig
  /** Sent with every question: `X-Scope-OrgID`. */
  readonly headers: Readonly<Record<string, Text>>
  readonly timeoutMs: number
  /** Default 256 MiB. */
  readonly maxAnswerBytes?: number
}

export type EngineClientDeps = {
  readonly clock: Clock
  readonly resolve: (text: Text) => string
  /** How we call ourselves. */
  readonly version: string
}

/** What an engine answers, as far as it is the same for all questions. */
export type Answered = {
  readonly data: unknown
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** An answer on its way through; the body is read by whoever sends it on. */
export type Forwarded = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
}

/** `params` as a form; with `get` in the address, where the API takes no form. `body`: bytes of a protocol instead, with their headers. */
export type Question = {
  readonly path: string
  readonly params?: URLSearchParams
  readonly get?: boolean
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

const MAX_ANSWER_BYTES = 256 * 2 ** 20
/** Of a refusal that is no JSON, so much is read, and so much is shown. */
const MAX_REFUSAL_BYTES = 64 * 1024
const MAX_SHOWN = 300
/** Headers of an answer that are handed on: its length is not, as our own server may pack it. */
const PASSED = [
  'content-type',
  'content-encoding',

  'retry-after',
  'x-prometheus-remote-read-content-encoding',
]

export class EngineClient implements Disposable {
  readonly #config: EngineClientConfig
  readonly #deps: EngineClientDeps
  readonly #http: HttpClient
  /** Requests, and those that did not bring an answer, since the start. */
  readonly counts = { requests: 0, failures: 0 }

  constructor(config: EngineClientConfig, deps: EngineClientDeps) {
    this.#config = config
    this.#deps = deps
    this.#http = createHttpClient(config.http, { resolve: deps.resolve })
  }

  /** For messages: without credentials. */
  get shownUrl(): string {
    return redactUrl(this.#config.url).replace(/\/$/, '')
  }

  /** Rejects with `ASSAY_ENGINE_*`, or the signal's reason. */
  async ask(question: Question, signal?: AbortSignal): Promise<Answered> {
    using limit = this.#deadline(signal)
    const message = await this.#send(question, limit.signal)
    const text = await this.#bodyOf(message, limit.signal)
    const parsed = parseEnvelope(text)
    const status = message.statusCode ?? 0
    if (parsed === undefined) throw this.#notAnApi(status, text)
    if (parsed.kind === 'refusal') throw this.#refused(status, parsed.type, parsed.message)
    if (status >= 300) throw this.#notAnApi(status, text)
    return parsed
  }

  /** The answer as it comes, its refusals included. Rejects when there is none, or none that a client of the API would understand. */
  async forward(question: Question, signal: AbortSignal): Promise<Forwarded> {
    const limit = this.#deadline(signal)
    try {
      const message = await this.#send(question, limit.signal)
      const status = message.statusCode ?? 0
      const type = message.headers['content-type'] ?? ''
      if (status >= 300 && !type.includes('json'))
        throw this.#notAnApi(status, await this.#bodyOf(message, limit.signal))
      const headers: Record<string, string> = {}
      for (const name of PASSED) {
        const value = message.headers[name]
        if (typeof value === 'string') headers[name] = value
      }
      return { status, headers, body: ending(message, limit) }
    } catch (thrown) {
      limit[Symbol.dispose]()
      throw thrown
    }
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]()
  }

  async #send(
    { path, params, get = false, body, headers = {} }: Question,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const text = params?.toString() ?? ''
    const isForm = !get && body === undefined
    const own = Object.entries(this.#config.headers).map(([name, value]) => [
      name.toLowerCase(),
      this.#deps.resolve(value),
    ])
    this.counts.requests++
    try {
      const { message } = await this.#http.request(
        {
          url: `${this.#config.url}/api/v1${path}${!isForm && text !== '' ? `?${text}` : ''}`,
          method: get ? 'GET' : 'POST',
          headers: {
            ...headers,
            ...Object.fromEntries(own),
            'user-agent': `assay/${this.#deps.version}`,
            ...(isForm ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
          },
          ...(get ? {} : { body: body ?? Buffer.from(text) }),
        },
        signal,
      )
      return message
    } catch (thrown) {
      throw this.#noAnswer(thrown, signal)
    }
  }

  async #bodyOf(message: IncomingMessage, signal: AbortSignal): Promise<string> {
    const most =
      (message.statusCode ?? 0) >= 300 ? MAX_REFUSAL_BYTES : (this.#config.maxAnswerBytes ?? MAX_ANSWER_BYTES)
    const chunks: Buffer[] = []
    let size = 0
    try {
      for await (const chunk of message as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > most) {
          message.destroy()
          if ((message.statusCode ?? 0) >= 300) break
          throw new AssayError(
            'ASSAY_ENGINE_TOO_LARGE',
            `the remote engine ${this.shownUrl} answers with more than ${most} bytes; ask for fewer series or points`,
          )
        }
        chunks.push(chunk)
      }
    } catch (thrown) {
      if (thrown instanceof AssayError) throw thrown
      throw this.#noAnswer(thrown, signal)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  #deadline(signal: AbortSignal | undefined): { readonly signal: AbortSignal } & Disposable {
    const late = new AbortController()
    const done = new AbortController()
    const { timeoutMs } = this.#config
    void this.#deps.clock.sleep(timeoutMs, done.signal).then(() => {
      if (done.signal.aborted) return
      late.abort(
        new AssayError(
          'ASSAY_ENGINE_TIMEOUT',
          `the remote engine ${this.shownUrl} gave no whole answer within ${timeoutMs / 1000} s; ask for less, or raise the timeout`,
        ),
      )
    })
    return {
      signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      [Symbol.dispose]: () => done.abort(),
    }
  }

  /** Whoever asked has gone: his reason. Else a failure, in words. */
  #noAnswer(thrown: unknown, signal: AbortSignal): unknown {
    if (signal.aborted && !(signal.reason instanceof AssayError)) return signal.reason
    this.counts.failures++
    if (signal.aborted) return signal.reason
    return new AssayError(
      'ASSAY_ENGINE_UNREACHABLE',
      `the remote engine ${this.shownUrl} does not answer: ${messageOf(thrown)}; is it running, and is this its address?`,
      { cause: thrown },
    )
  }

  #refused(status: number, type: string, message: string): AssayError {
    this.counts.failures++
    return new AssayError(
      'ASSAY_ENGINE_REFUSED',
      `the remote engine ${this.shownUrl} refuses with ${type === String(status) ? status : `${status} ${type}`}: ${message}`,
    )
  }

  #notAnApi(status: number, text: string): AssayError {
    this.counts.failures++
    const shown = JSON.stringify(text.trim().slice(0, MAX_SHOWN))
    if (status === 401 || status === 403)
      return new AssayError(
        'ASSAY_ENGINE_REFUSED',
        `the remote engine ${this.shownUrl} lets us not in: ${status} ${shown}; write its credentials into the file that --remote-engine names`,
      )
    if (status === 429 || status >= 500)
      return new AssayError(
        'ASSAY_ENGINE_UNREACHABLE',
        `the remote engine ${this.shownUrl} cannot answer now: ${status} ${shown}`,
      )
    return new AssayError(
      'ASSAY_ENGINE_ANSWER',
      `the remote engine ${this.shownUrl} answers ${status} ${shown}, which is not Prometheus' API; write the address that stands before /api/v1`,
    )
  }
}

async function* ending(message: IncomingMessage, limit: Disposable): AsyncGenerator<Uint8Array> {
  try {
    yield* message as AsyncIterable<Buffer>
  } finally {
    limit[Symbol.dispose]()
    message.destroy()
  }
}

type Parsed =
  | ({ readonly kind: 'success' } & Answered)
  | { readonly kind: 'refusal'; readonly type: string; readonly message: string }

function parseEnvelope(text: string): Parsed | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null || !('status' in parsed)) return undefined
  const given = parsed as { readonly [key: string]: unknown }
  const texts = (list: unknown) => (Array.isArray(list) ? list.map(String) : [])
  if (given['status'] === 'success')
    return { kind: 'success', data: given['data'], warnings: texts(given['warnings']), infos: texts(given['infos']) }
  return { kind: 'refusal', type: String(given['errorType'] ?? 'error'), message: String(given['error'] ?? '') }
}
