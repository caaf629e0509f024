/**
 * Reads one page over HTTP, and says in a sentence why it could not.
 *
 * - Bounded in every direction: bytes after decompression, redirects, time (by the signal). Nothing beyond is kept.
 * - Connections are kept alive between scrapes. `node:http` and not `fetch`: it gives the error codes that tell a
 *   closed port from a foreign protocol, and lets a body be cut off while it still comes.
 * - Credentials go to the target alone: a redirect to another host does not get them.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { AssayError, messageOf } from '#core'
import { acceptOf, contentTypeOf, formatOf } from './content-type.ts'
import { DEFAULT_BODY_LIMIT_BYTES } from './limits.ts'
import type { ExpositionFormat } from './parse-page.ts'
import type { Page, PageReader } from './types.ts'

export type HttpReaderOptions = {
  readonly url: string
  readonly timeoutMs: number
  /** 0 or absent: assay's own limit. */
  readonly bodySizeBytes?: number
  /** Value of the Authorization header. */
  readonly authorization?: string
  readonly followRedirects?: boolean
  readonly fallbackFormat?: ExpositionFormat
  /** The version assay calls itself in User-Agent. */
  readonly version?: string
}

const MAX_REDIRECTS = 10

// One pool for all targets: sockets are kept per host, idle ones for a minute, so a 15 s interval finds its own again.
const agents = {
  http: new HttpAgent({ keepAlive: true, maxFreeSockets: 1024, timeout: 60_000 }),
  https: new HttpsAgent({ keepAlive: true, maxFreeSockets: 1024, timeout: 60_000 }),
}

/** A reader for one target. It rejects with an `AssayError` (`ASSAY_SCRAPE_*`) whose message is for people. */
export function httpReader(options: HttpReaderOptions): PageReader {
  return async (signal) => {
    let url = new URL(options.url)
    let authorization = options.authorization
    for (let hop = 0; ; hop++) {
      const answer = await open(url, { ...options, authorization }, signal)
      const status = answer.statusCode ?? 0
      const location = answer.headers.location
      if (status < 300 || status > 399 || location === undefined || options.followRedirects === false) {
        return await readPage(answer, url, { options, signal })
      }
      answer.destroy()
      if (hop === MAX_REDIRECTS)
        throw scrapeError(
          'ASSAY_SCRAPE_REDIRECTS',
          `${url.host} redirects without end; ${MAX_REDIRECTS} redirects were followed`,
        )
      const next = URL.canParse(location, url) ? new URL(location, url) : undefined
      if (next === undefined || (next.protocol !== 'http:' && next.protocol !== 'https:')) {
        throw scrapeError('ASSAY_SCRAPE_REDIRECTS', `${url.host} redirects to what is no HTTP address`)
      }
      if (next.host !== url.host) authorization = undefined
      url = next
    }
  }
}

type RequestOptions = Pick<HttpReaderOptions, 'timeoutMs' | 'version'> & { readonly authorization: string | undefined }

/** Sends the request; resolves when the head of the answer is there. */
function open(url: URL, options: RequestOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const secure = url.protocol === 'https:'
  const request = (secure ? httpsRequest : httpRequest)(
    url,
    {
      agent: secure ? agents.https : agents.http,
      signal,
      headers: {
        accept: acceptOf(),
        'accept-encoding': 'gzip',
        'user-agent': `assay/${options.version ?? '0'}`,
        'x-prometheus-scrape-timeout-seconds': String(options.timeoutMs / 1000),
        ...(options.authorization === undefined ? {} : { authorization: options.authorization }),
      },
    },
    resolve,
  )
  request.on('error', (cause) =>
    reject(
      signal.aborted ? timeoutOf(signal, 'nothing had come; is it overloaded, or stuck?') : connectionError(cause, url),
    ),
  )
  request.end()
  return promise
}

type ReadContext = { readonly options: HttpReaderOptions; readonly signal: AbortSignal }

async function readPage(answer: IncomingMessage, url: URL, { options, signal }: ReadContext): Promise<Page> {
  const status = answer.statusCode ?? 0
  try {
    if (status !== 200)
      throw scrapeError('ASSAY_SCRAPE_STATUS', statusSentence(status, answer.statusMessage ?? '', url))
    const contentType = answer.headers['content-type'] ?? ''
    const format = formatOf(contentType, options.fallbackFormat)
    const limit = options.bodySizeBytes || DEFAULT_BODY_LIMIT_BYTES
    const body = await readBody(answer, limit, signal)
    return { body, contentType: contentTypeOf(format) }
  } catch (thrown) {
    answer.destroy()
    throw thrown
  }
}

/** All bytes, decompressed, at most `limit`. */
async function readBody(answer: IncomingMessage, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const encoding = (answer.headers['content-encoding'] ?? 'identity').toLowerCase()
  if (encoding !== 'gzip' && encoding !== 'identity') {
    throw scrapeError(
      'ASSAY_SCRAPE_ENCODING',
      `the answer is compressed with ${JSON.stringify(encoding.slice(0, 20))}, which was not asked for; gzip was`,
    )
  }
  const chunks: Buffer[] = []
  let size = 0
  let source: Readable = answer
  if (encoding === 'gzip') {
    const gunzip = createGunzip()
    answer.on('error', (cause) => gunzip.destroy(cause))
    answer.on('aborted', () => gunzip.destroy(new Error('aborted')))
    source = answer.pipe(gunzip)
  }
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limit) {
        throw scrapeError(
          'ASSAY_SCRAPE_BODY_LIMIT',
          `the answer is larger than ${limit} bytes (body_size_limit); let the target send fewer series, or raise the limit`,
        )
      }
      chunks.push(chunk)
    }
  } catch (thrown) {
    source.destroy()
    if (thrown instanceof AssayError) throw thrown
    if (signal.aborted) throw timeoutOf(signal, `${size} bytes had come, and no end`)
    const code = codeOf(thrown)
    if (code.startsWith('Z_'))
      throw scrapeError('ASSAY_SCRAPE_ENCODING', 'the answer says it is gzip, but it is not, or it was cut off', thrown)
    throw scrapeError(
      'ASSAY_SCRAPE_CONNECTION',
      `the target closed the connection after ${size} bytes, before the page was complete`,
      thrown,
    )
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}

function timeoutOf(signal: AbortSignal, what: string): AssayError {
  const { reason } = signal
  return reason instanceof AssayError && reason.code === 'ASSAY_SCRAPE_TIMEOUT'
    ? scrapeError('ASSAY_SCRAPE_TIMEOUT', `${reason.message}; ${what}`)
    : reason
}

function statusSentence(status: number, text: string, url: URL): string {
  const said = `${status}${text === '' ? '' : ` ${text.slice(0, 40)}`}`
  if (status === 404)
    return `the target answers ${said}: nothing at ${url.pathname}; set metrics_path to where its metrics are`
  if (status === 401 || status === 403) return `the target answers ${said}; check the credentials of this job`
  if (status >= 300 && status < 400) return `the target answers ${said}, a redirect that is not followed`
  return `the target answers ${said}, not 200`
}

/** Why there is no HTTP answer at all. */
function connectionError(cause: Error, url: URL): AssayError {
  const code = codeOf(cause)
  const place = url.port === '' ? `${url.hostname}:${url.protocol === 'https:' ? 443 : 80}` : url.host
  if (code.startsWith('HPE_HEADER_OVERFLOW'))
    return scrapeError('ASSAY_SCRAPE_NOT_HTTP', `${place} sends more headers than fit`, cause)
  if (code.startsWith('HPE_'))
    return scrapeError(
      'ASSAY_SCRAPE_NOT_HTTP',
      `${place} answers, but not in HTTP; is another kind of server there?`,
      cause,
    )
  if (code.startsWith('CERT_') || code.includes('_CERT') || code.startsWith('ERR_TLS')) {
    return scrapeError('ASSAY_SCRAPE_TLS', `the certificate of ${place} is not accepted (${code})`, cause)
  }
  switch (code) {
    case 'ECONNREFUSED':
      return scrapeError(
        'ASSAY_SCRAPE_CONNECTION',
        `connection refused at ${place}; is it running, and is this its port?`,
        cause,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return scrapeError('ASSAY_SCRAPE_CONNECTION', `the host name ${url.hostname} cannot be resolved`, cause)
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return scrapeError(
        'ASSAY_SCRAPE_CONNECTION',
        `${place} cannot be reached (${code}); is the network between open?`,
        cause,
      )
    case 'ECONNRESET':
    case 'EPIPE':
      return scrapeError('ASSAY_SCRAPE_CONNECTION', `${place} closed the connection without an answer`, cause)
    case 'EPROTO':
      return scrapeError('ASSAY_SCRAPE_TLS', `${place} does not speak TLS as expected; is the scheme http?`, cause)
    default:
      return scrapeError('ASSAY_SCRAPE_CONNECTION', `${place}: ${messageOf(cause)}`, cause)
  }
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0])
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
}

function scrapeError(code: `ASSAY_SCRAPE_${string}`, message: string, cause?: unknown): AssayError {
  return new AssayError(code, message, cause === undefined ? undefined : { cause })
}
