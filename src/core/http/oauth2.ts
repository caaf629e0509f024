/**
 * OAuth 2.0 tokens of our own (grant `client_credentials`), kept until they are about to end.
 *
 * - The secret is sent in the Authorization header; to a server that refuses that, in the body. What worked is kept to.
 * - Callers at the same time share one request. What the server answers is never part of an error: it may hold a token.
 *
 * Source: RFC 6749 §2.3.1, §4.4; the order of the two ways is that of golang.org/x/oauth2, which Prometheus uses.
 */
import { AssayError } from '../error.ts'
import type { HttpClient } from './client.ts'
import type { OAuth2Config } from './config.ts'
import { type ResolveText, secretText } from './secret.ts'

/** A token this close to its end is fetched anew. */
const EARLY_MS = 10_000
const MAX_ANSWER_BYTES = 1 << 20

export class TokenSource {
  readonly #config: OAuth2Config
  readonly #client: HttpClient
  readonly #resolve: ResolveText
  readonly #monotonicMs: () => number
  #token: { readonly text: string; readonly secret: string; readonly endsMs: number } | undefined
  #fetching: Promise<string> | undefined
  #inBody = false

  constructor(
    config: OAuth2Config,
    {
      client,
      resolve,
      monotonicMs,
    }: { readonly client: HttpClient; readonly resolve: ResolveText; readonly monotonicMs: () => number },
  ) {
    this.#config = config
    this.#client = client
    this.#resolve = resolve
    this.#monotonicMs = monotonicMs
  }

  /** The value of the Authorization header. Rejects with `ASSAY_HTTP_OAUTH2` when there is no token to be had. */
  async authorization(signal: AbortSignal): Promise<string> {
    const secret = await secretText(this.#config.clientSecret, this.#resolve)
    const known = this.#token
    if (known !== undefined && known.secret === secret && known.endsMs - EARLY_MS > this.#monotonicMs())
      return known.text
    this.#fetching ??= this.#fetch(secret, signal).finally(() => {
      this.#fetching = undefined
    })
    return await this.#fetching
  }

  async #fetch(secret: string, signal: AbortSignal): Promise<string> {
    const began = this.#monotonicMs()
    let answer = await this.#ask(secret, signal)
    if (!this.#inBody && (answer.status === 400 || answer.status === 401)) {
      this.#inBody = true
      answer = await this.#ask(secret, signal)
      if (answer.status !== 200) this.#inBody = false
    }
    const { tokenUrl } = this.#config
    if (answer.status !== 200)
      throw failed(tokenUrl, `answers ${answer.status}; check client_id, client_secret and scopes`)
    const token = parseToken(answer.body)
    if (token === undefined) throw failed(tokenUrl, 'answers without an access_token')
    const text = `${token.type} ${token.text}`
    this.#token = { text, secret, endsMs: began + token.lifeMs }
    return text
  }

  async #ask(secret: string, signal: AbortSignal): Promise<{ readonly status: number; readonly body: string }> {
    const { clientId, scopes = [], tokenUrl, endpointParams = {} } = this.#config
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    if (scopes.length > 0) form.set('scope', scopes.join(' '))
    for (const [name, value] of Object.entries(endpointParams)) form.set(name, value)
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    }
    if (this.#inBody) {
      form.set('client_id', clientId)
      form.set('client_secret', secret)
    } else {
      const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`
      headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`
    }
    const { message } = await this.#client.request(
      { url: tokenUrl, method: 'POST', headers, body: Buffer.from(String(form)) },
      signal,
    )
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_ANSWER_BYTES) {
        message.destroy()
        throw failed(tokenUrl, 'answers with more than a token')
      }
      chunks.push(chunk)
    }
    return { status: message.statusCode ?? 0, body: Buffer.concat(chunks).toString() }
  }
}

function parseToken(
  body: string,
): { readonly type: string; readonly text: string; readonly lifeMs: number } | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch {
    return undefined
  }
  if (typeof answer !== 'object' || answer === null) return undefined
  const { access_token: text, token_type: type, expires_in: seconds } = answer as Record<string, unknown>
  if (typeof text !== 'string' || text === '') return undefined
  const life = Number(seconds)
  return {
    text,
    type: typeof type === 'string' && type !== '' && type.toLowerCase() !== 'bearer' ? type : 'Bearer',
    lifeMs: life > 0 ? life * 1000 : Number.POSITIVE_INFINITY,
  }
}

function failed(tokenUrl: string, what: string): AssayError<'ASSAY_HTTP_OAUTH2'> {
  const host = URL.canParse(tokenUrl) ? new URL(tokenUrl).host : 'token_url'
  return new AssayError('ASSAY_HTTP_OAUTH2', `no token of OAuth 2.0: ${host} ${what}`)
}
