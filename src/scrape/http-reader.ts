/**
 * Reads one page over HTTP, and says in a sentence why it could not.
 *
 * - Bounded in every direction: bytes after decompression, redirects, time (by the signal). Nothing beyond is kept.
 * - Connections are kept alive between scrapes; credentials, TLS and proxies are the client's (`#core`).
 */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { AssayError, createHttpClient, type HttpClient, messageOf } from '#core'
import { acceptOf, contentTypeOf, type EscapingScheme, formatOf, type ScrapeProtocol } from './content-type.ts'
import { DEFAULT_BODY_LIMIT_BYTES } from './limits.ts'
import type { ExpositionFormat } from './page-parser.ts'
import type { Page, PageReader } from './types.ts'

export type HttpReaderOptions = {
  readonly url: string
  readonly timeoutMs: number
  /** Shared by the targets of a job; absent: one without credentials that follows redirects. */
  readonly client?: HttpClient
  /** 0 or absent: assay's own limit. */
  readonly bodySizeBytes?: number
  readonly protocols?: readonly ScrapeProtocol[]
  readonly escaping?: EscapingScheme
  /** Default true. */
  readonly compression?: boolean
  readonly fallbackFormat?: ExpositionFormat
  /** The version assay calls itself in User-Agent. */
  readonly version?: string
}

/** A reader for one target. It rejects with an `AssayError` (`ASSAY_SCRAPE_*`, `ASSAY_HTTP_*`) whose message is for people. */
export function httpReader(options: HttpReaderOptions): PageReader {
  const { client = createHttpClient({}), url, timeoutMs, version = '0', compression = true } = options
  const headers = {
    accept: acceptOf(options.protocols, options.escaping),
    'accept-encoding': compression ? 'gzip' : 'identity',
    'user-agent': `assay/${version}`,
    'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
  }
  return async (signal) => {
    const { message, url: from } = await client.request({ url, headers }, signal).catch((thrown: unknown) => {
      if (signal.aborted) throw timeoutOf(signal, 'nothing had come; is it overloaded, or stuck?')
      throw thrown instanceof AssayError ? thrown : connectionError(thrown, new URL(url))
    })
    return await readPage(message, from, { options, signal })
  }
}

type ReadContext = { readonly options: HttpReaderOptions; readonly signal: AbortSignal }

async function readPage(answer: IncomingMessage, url: URL, { options, signal }: ReadContext): Promise<Page> {
  const status = answer.statusCode ?? 0
  try {
    if (status !== 200)
      throw scrapeError('ASSAY_SCRAPE_STATUS', statusSentence(status, answer.statusMessage ?? '', url))
    const contentType = answer.headers['content-type'] ?? ''
    const limit = options.bodySizeBytes || DEFAULT_BODY_LIMIT_BYTES
    const body = await readBody(answer, limit, signal)
    // No byte is a scrape of nothing, whatever type it is said to be.
    const format = body.length === 0 ? 'text' : formatOf(contentType, options.fallbackFormat, body.length)
    return { body, contentType: contentTypeOf(format) }
  } catch (thrown) {
    answer.destroy()
    throw thrown
  }
}

/** All bytes, decompressed, at most `limit`. */
export async function readBody(answer: IncomingMessage, limit: number, signal: AbortSignal): Promise<Uint8Array> {
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
      // As in Prometheus, a page of exactly the limit is over it.
      if (size >= limit) {
        throw scrapeError(
          'ASSAY_SCRAPE_BODY_LIMIT',
          `the answer is not smaller than ${limit} bytes (body_size_limit); let the target send fewer series, or raise the limit`,
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
export function connectionError(cause: unknown, url: URL): AssayError {
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
  if (
    code.startsWith('CERT_') ||
    code.includes('_CERT') ||
    code.startsWith('ERR_TLS') ||
    code.startsWith('UNABLE_TO_')
  ) {
    return scrapeError(
      'ASSAY_SCRAPE_TLS',
      `the certificate of ${place} is not accepted (${code}); name its authority as ca_file and its host as server_name in tls_config`,
      cause,
    )
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_'))
    return scrapeError(
      'ASSAY_SCRAPE_TLS',
      `${place} and we do not agree on TLS (${code}); check min_version, max_version and cert_file in tls_config`,
      cause,
    )
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
