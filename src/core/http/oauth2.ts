/**
 * OAuth 2.0 tokens of our own (grants `client_credentials` and `jwt-bearer`), kept until they are about to end.
 *
 * - The secret is sent in the Authorization header; to a server that refuses that, in the body. What worked is kept to.
 * - A key signs a token that says who we are, good for ten minutes and for one request; the key itself is never sent.
 * - Callers at the same time share one request. What the server answers is never part of an error: it may hold a token.
 *
 * Source: RFC 6749 §2.3.1, §4.4, RFC 7523 §2.1; the order of the two ways is that of golang.org/x/oauth2, the claims are those of
 * prometheus/common, both of which Prometheus uses.
 */
import { randomUUID } from 'node:crypto'
import { AssayError } from '../error.ts'
import type { HttpClient } from './client.ts'
import type { JwtGrant, OAuth2Config } from './config.ts'
import { signJwt, tryRsaKey } from './jwt.ts'
import { type ResolveText, secretText } from './secret.ts'

/** A token this close to its end is fetched anew. */
const EARLY_MS = 10_000
const MAX_ANSWER_BYTES = 1 << 20
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const JWT_LIFE_SECONDS = 600

export type TokenSourceDeps = {
  readonly client: HttpClient
  readonly resolve: ResolveText
  readonly monotonicMs: () => number
  readonly wallMs: () => number
}

type Answer = { readonly status: number; readonly type: string; readonly body: string }
type Token = { readonly type: string; readonly text: string; readonly lifeMs: number }

export class TokenSource {
  readonly #config: OAuth2Config
  readonly #deps: TokenSourceDeps
  #token: { readonly text: string; readonly secret: string; readonly endsMs: number } | undefined
  #fetching: Promise<string> | undefined
  #way: 'header' | 'body' | undefined

  constructor(config: OAuth2Config, deps: TokenSourceDeps) {
    this.#config = config
    this.#deps = deps
  }

  /**
   * The value of the Authorization header. Rejects with `ASSAY_HTTP_OAUTH2` when there is no token to be had. `userAgent`: who we
   * are to the server with the tokens too.
   */
  async authorization(userAgent: string | undefined, signal: AbortSignal): Promise<string> {
    const { clientSecret, jwt } = this.#config
    const secret = await secretText(jwt?.key ?? clientSecret ?? '', this.#deps.resolve)
    const known = this.#token
    if (known !== undefined && known.secret === secret && known.endsMs - EARLY_MS > this.#deps.monotonicMs())
      return known.text
    this.#fetching ??= this.#fetch(secret, userAgent, signal).finally(() => {
      this.#fetching = undefined
    })
    return await this.#fetching
  }

  async #fetch(secret: string, userAgent: string | undefined, signal: AbortSignal): Promise<string> {
    const { jwt } = this.#config
    const began = this.#deps.monotonicMs()
    const send = (form: URLSearchParams, headers: Record<string, string> = {}) =>
      this.#send(form, userAgent === undefined ? headers : { ...headers, 'user-agent': userAgent }, signal)
    const answer =
      jwt === undefined
        ? await this.#withSecret(secret, send)
        : await send(this.#form(JWT_BEARER, this.#sign(jwt, secret)))
    const token = tokenOf(answer)
    if (token === undefined) {
      const what =
        jwt === undefined ? 'client_id, client_secret' : 'client_id, client_certificate_key, audience, claims'
      throw failed(
        this.#config.tokenUrl,
        isGood(answer) ? 'answers without an access_token' : `answers ${answer.status}; check ${what} and scopes`,
      )
    }
    const text = `${token.type} ${token.text}`
    this.#token = { text, secret, endsMs: began + token.lifeMs }
    return text
  }

  /** In the header first, then in the body, until one of them is known to work. */
  async #withSecret(
    secret: string,
    send: (form: URLSearchParams, headers?: Record<string, string>) => Promise<Answer>,
  ): Promise<Answer> {
    const { clientId } = this.#config
    const form = this.#form('client_credentials')
    if (this.#way !== 'body') {
      const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`
      const answer = await send(form, { authorization: `Basic ${Buffer.from(pair).toString('base64')}` })
      if (this.#way === 'header') return answer
      if (tokenOf(answer) !== undefined) {
        this.#way = 'header'
        return answer
      }
    }
    form.set('client_id', clientId)
    form.set('client_secret', secret)
    const answer = await send(form)
    if (tokenOf(answer) !== undefined) this.#way = 'body'
    return answer
  }

  #form(grant: string, assertion?: string): URLSearchParams {
    const { scopes = [], tokenUrl, endpointParams = {} } = this.#config
    const form = new URLSearchParams({ grant_type: grant })
    if (assertion !== undefined) form.set('assertion', assertion)
    if (scopes.length > 0) form.set('scope', scopes.join(' '))
    for (const [name, value] of Object.entries(endpointParams)) {
      // As in Go: for servers that call the grant by a name of their own.
      if (form.has(name) && name !== 'grant_type')
        throw failed(tokenUrl, `is not asked: endpoint_params.${name} says again what is sent anyway; remove it`)
      form.set(name, value)
    }
    return form
  }

  #sign(grant: JwtGrant, pem: string): string {
    const { clientId, tokenUrl, scopes = [] } = this.#config
    const key = tryRsaKey(pem)
    if (key === undefined)
      throw failed(
        tokenUrl,
        'is not asked: client_certificate_key is no private RSA key; give it as PEM, without a passphrase',
      )
    const now = Math.floor(this.#deps.wallMs() / 1000)
    const claims = {
      iss: grant.issuer || clientId,
      sub: clientId,
      aud: grant.audience || tokenUrl,
      jti: randomUUID(),
      iat: now,
      exp: now + JWT_LIFE_SECONDS,
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...grant.claims,
    }
    const algorithm = grant.algorithm ?? 'RS256'
    try {
      return signJwt(claims, key, { algorithm, keyId: grant.keyId })
    } catch (cause) {
      throw failed(tokenUrl, `is not asked: client_certificate_key is too short for ${algorithm}`, cause)
    }
  }

  async #send(form: URLSearchParams, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const { tokenUrl } = this.#config
    const { message } = await this.#deps.client.request(
      {
        url: tokenUrl,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json', ...headers },
        body: Buffer.from(String(form)),
      },
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
    return {
      status: message.statusCode ?? 0,
      type: message.headers['content-type'] ?? '',
      body: Buffer.concat(chunks).toString(),
    }
  }
}

function isGood({ status }: Answer): boolean {
  return status >= 200 && status < 300
}

/** `undefined`: it holds none, or says that we get none. */
function tokenOf(answer: Answer): Token | undefined {
  if (!isGood(answer)) return undefined
  const { access_token: text, token_type: type, expires_in: seconds } = fieldsOf(answer)
  if (typeof text !== 'string' || text === '') return undefined
  const life = Number(seconds)
  return {
    text,
    type: typeof type === 'string' && type !== '' && type.toLowerCase() !== 'bearer' ? type : 'Bearer',
    lifeMs: life > 0 ? life * 1000 : Number.POSITIVE_INFINITY,
  }
}

/** JSON, or a form, as servers older than the standard answer. */
function fieldsOf({ type, body }: Answer): Readonly<Record<string, unknown>> {
  if (/^(application\/x-www-form-urlencoded|text\/plain)\b/i.test(type) && !body.trimStart().startsWith('{'))
    return Object.fromEntries(new URLSearchParams(body))
  try {
    const answer: unknown = JSON.parse(body)
    return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function failed(tokenUrl: string, what: string, cause?: unknown): AssayError<'ASSAY_HTTP_OAUTH2'> {
  const host = URL.canParse(tokenUrl) ? new URL(tokenUrl).host : 'token_url'
  return new AssayError(
    'ASSAY_HTTP_OAUTH2',
    `no token of OAuth 2.0: ${host} ${what}`,
    cause === undefined ? undefined : { cause },
  )
}
