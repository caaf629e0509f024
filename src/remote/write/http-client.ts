/**
 * Sends one body to one address, with the authentication, TLS and proxy of a configuration.
 *
 * - Never rejects for an HTTP status: it answers it. Rejects when there is no answer: refused, cut off, not in time, no secret.
 * - Connections are kept alive. An answer's body is read to 64 KiB and only for its message.
 * - Redirects that keep the method (307, 308) are followed; others would turn the body into nothing. Credentials and own headers
 *   go to the configured host alone.
 */
import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import { AssayError, type Text } from '#core'
import type { HttpClientConfig, TlsConfig } from './config.ts'

export type HttpAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The beginning of the body. */
  readonly text: string
}

export type Post = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface HttpClient extends Disposable {
  post(post: Post, signal: AbortSignal): Promise<HttpAnswer>
}

const MAX_REDIRECTS = 10
const MAX_ANSWER_BYTES = 64 * 1024

export function httpClient(config: HttpClientConfig, resolve: (text: Text) => string): HttpClient {
  const plain = new HttpAgent({ keepAlive: true, timeout: 60_000 })
  const secure = new HttpsAgent({ keepAlive: true, timeout: 60_000 })
  return {
    async post(post, signal) {
      const configured = new URL(post.url)
      const authorization = await authorizationOf(config, resolve)
      let url = configured
      for (let hop = 0; ; hop++) {
        const own = url.host === configured.host
        const headers = { ...(own ? post.headers : withoutOwn(post.headers)), ...(own ? authorization : {}) }
        const answer = await send(url, { ...post, headers }, { config, resolve, plain, secure, signal })
        const status = answer.statusCode ?? 0
        const { location } = answer.headers
        if ((status !== 307 && status !== 308) || location === undefined || !config.followRedirects)
          return { status, headers: answer.headers, text: await readText(answer) }
        answer.destroy()
        if (hop === MAX_REDIRECTS || !URL.canParse(location, url))
          throw new AssayError('ASSAY_REMOTE_SEND', `${url.host} redirects without end; name the last address as url`)
        url = new URL(location, url)
      }
    },
    [Symbol.dispose]() {
      plain.destroy()
      secure.destroy()
    },
  }
}

/** Headers of the user may hold a token: another host gets only those of the protocol. */
function withoutOwn(headers: Post['headers']): Post['headers'] {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => /^(?:content-|user-agent$|x-prometheus-remote-write-)/i.test(name)),
  )
}

type Means = {
  readonly config: HttpClientConfig
  readonly resolve: (text: Text) => string
  readonly plain: HttpAgent
  readonly secure: HttpsAgent
  readonly signal: AbortSignal
}

async function send(url: URL, post: Omit<Post, 'url'>, means: Means): Promise<IncomingMessage> {
  const { config, signal } = means
  const isSecure = url.protocol === 'https:'
  const tls = isSecure ? await tlsOptions(config.tls, url.hostname, means.resolve) : {}
  const base: RequestOptions & ConnectionOptions = {
    method: 'POST',
    headers: { ...post.headers, 'content-length': String(post.body.length) },
    signal,
    ...tls,
  }
  const proxy = proxyFor(url, config)
  if (proxy === undefined)
    return await exchange(isSecure, url, { ...base, agent: isSecure ? means.secure : means.plain }, post.body)
  if (!isSecure) {
    // A proxy of plain HTTP is asked for the whole address.
    const headers = { ...base.headers, host: url.host, ...proxyAuthorization(proxy) }
    return await exchange(
      proxy.protocol === 'https:',
      proxy,
      { ...base, headers, path: url.href, agent: false },
      post.body,
    )
  }
  const tunnel = await openTunnel(proxy, url, signal)
  return await exchange(
    true,
    url,
    { ...base, agent: false, createConnection: () => tlsConnect({ ...tls, socket: tunnel }) },
    post.body,
  )
}

function exchange(isSecure: boolean, url: URL, options: RequestOptions, body: Uint8Array): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = (isSecure ? httpsRequest : httpRequest)(url, options, resolve)
  request.on('error', reject)
  request.end(body)
  return promise
}

function openTunnel(proxy: URL, to: URL, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const authority = `${to.hostname}:${to.port === '' ? '443' : to.port}`
  const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
    host: proxy.hostname,
    port: proxy.port,
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...proxyAuthorization(proxy) },
    signal,
    agent: false,
  })
  request.on('connect', (answer, socket) => {
    if (answer.statusCode === 200) resolve(socket)
    else {
      socket.destroy()
      reject(
        new AssayError('ASSAY_REMOTE_SEND', `the proxy ${proxy.host} answers ${answer.statusCode} for ${authority}`),
      )
    }
  })
  request.on('error', reject)
  request.end()
  return promise
}

function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

function proxyFor(url: URL, { proxyUrl, noProxy = [] }: HttpClientConfig): URL | undefined {
  if (proxyUrl === undefined || proxyUrl === '') return undefined
  const direct = noProxy.some((entry) => {
    const name = entry.startsWith('*') ? entry.slice(1) : entry
    if (name === '') return entry === '*'
    return url.host === name || url.hostname === name || url.hostname.endsWith(name.startsWith('.') ? name : `.${name}`)
  })
  return direct ? undefined : new URL(proxyUrl)
}

async function authorizationOf(
  config: HttpClientConfig,
  resolve: (text: Text) => string,
): Promise<Record<string, string>> {
  const { basicAuth, authorization } = config
  if (basicAuth !== undefined) {
    const username = (await fromFile(basicAuth.usernameFile)) ?? basicAuth.username ?? ''
    const password = (await fromFile(basicAuth.passwordFile)) ?? resolve(basicAuth.password ?? '')
    return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
  }
  if (authorization === undefined) return {}
  const credentials = (await fromFile(authorization.credentialsFile)) ?? resolve(authorization.credentials ?? '')
  return { authorization: `${authorization.type} ${credentials}`.trim() }
}

async function tlsOptions(
  tls: TlsConfig | undefined,
  hostname: string,
  resolve: (text: Text) => string,
): Promise<ConnectionOptions> {
  const ca = (await fromFile(tls?.caFile)) ?? tls?.ca
  const cert = (await fromFile(tls?.certFile)) ?? tls?.cert
  const key = (await fromFile(tls?.keyFile)) ?? (tls?.key === undefined ? undefined : resolve(tls.key))
  return {
    servername: tls?.serverName ?? hostname,
    rejectUnauthorized: tls?.insecureSkipVerify !== true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls?.minVersion === undefined ? {} : { minVersion: tls.minVersion }),
    ...(tls?.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
  }
}

async function fromFile(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : (await readFile(file, 'utf8')).trim()
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= MAX_ANSWER_BYTES) {
      answer.destroy()
      break
    }
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8')
}
