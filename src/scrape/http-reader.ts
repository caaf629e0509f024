/**
 * Reads one page over HTTP, and says in a sentence why it could not.
 *
 * - Bounded in every direction: bytes after decompression, redirects, time (by the signal). Nothing beyond is kept.
 * - Connections are kept alive between scrapes; credentials, TLS and proxies are the client's (`#core`).
 * - The common case, plain HTTP without a proxy, goes over a socket of our own. An answer that is not understood there is asked for
 *   again with the library, which has the last word; the reader stays with the library for a while then.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { createGunzip, gunzipSync } from 'node:zlib'
import { AnswerCut, AssayError, createHttpClient, type HttpClient, messageOf, type PlainAnswer } from '#core'
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
  const limit = options.bodySizeBytes || DEFAULT_BODY_LIMIT_BYTES
  const plain = client.plainGet({ url, headers }, limit)
  const place = new URL(url)
  /** Reads that go by the library. */
  let aside = 0
  return async (signal) => {
    if (plain !== undefined && aside === 0) {
      const answer = await plain(signal).catch((thrown: unknown) => {
        if (thrown instanceof AssayError) throw thrown
        throw thrown instanceof AnswerCut ? cutError(thrown, limit, signal) : connectionError(thrown, place)
      })
      if (answer !== undefined) return await pageOf(answer, place, { options, signal })
      aside = STAYS_ASIDE
    } else if (aside > 0) aside--
    const { message, url: from } = await client.request({ url, headers }, signal).catch((thrown: unknown) => {
      if (signal.aborted) throw timeoutOf(signal, NOTHING_CAME)
      throw thrown instanceof AssayError ? thrown : connectionError(thrown, place)
    })
    return await readPage(message, from, { options, signal })
  }
}

const NOTHING_CAME = 'nothing had come; is it overloaded, or stuck?'
/** Reads by the library after an answer that only it understands: a target that redirects is asked twice once in so many. */
const STAYS_ASIDE = 100
/** Bytes of gzip that are unpacked at once, and what may come of them: more would hold the process for longer than a millisecond. */
const SMALL_GZIP_BYTES = 2 ** 16
const SMALL_PAGE_BYTES = 2 ** 18

/** Why a plain read brought no answer, as the library's would say it. */
function cutError({ kind, sizeBytes, cause }: AnswerCut, limit: number, signal: AbortSignal): AssayError {
  if (kind === 'over') return overLimit(limit)
  if (kind === 'aborted')
    return timeoutOf(signal, sizeBytes === undefined ? NOTHING_CAME : `${sizeBytes} bytes had come, and no end`)
  return closedAfter(sizeBytes ?? 0, cause)
}

async function pageOf({ head, body, release }: PlainAnswer, url: URL, { options, signal }: ReadContext): Promise<Page> {
  let isOurs = true
  try {
    const { status, statusText, contentEncoding } = head
    if (status !== 200) throw scrapeError('ASSAY_SCRAPE_STATUS', statusSentence(status, statusText, url))
    const limit = options.bodySizeBytes || DEFAULT_BODY_LIMIT_BYTES
    const isPacked = checkEncoding(contentEncoding || 'identity') === 'gzip'
    const page = isPacked ? await unpacked(body, limit, signal) : body
    const contentType = pageType(head.contentType, page, options)
    if (isPacked) return { body: page, contentType }
    isOurs = false
    return { body: page, contentType, release }
  } finally {
    if (isOurs) release()
  }
}

/** A small page at once: 150 ns of CPU a sample, and half as much again by a stream. */
async function unpacked(packed: Buffer, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const most = Math.min(limit, SMALL_PAGE_BYTES)
  if (packed.length <= SMALL_GZIP_BYTES && most > 1) {
    try {
      return gunzipSync(packed, { maxOutputLength: most - 1 })
    } catch (thrown) {
      // Larger than is taken at once: the stream knows the true limit.
      if (codeOf(thrown) !== 'ERR_BUFFER_TOO_LARGE') throw codeOf(thrown).startsWith('Z_') ? notGzip(thrown) : thrown
    }
  }
  return await collect(Readable.from([packed]).pipe(createGunzip()), limit, signal)
}

/** How the page is to be read. */
function pageType(said: string, body: Uint8Array, { fallbackFormat }: HttpReaderOptions): string {
  // No byte is a scrape of nothing, whatever type it is said to be.
  return contentTypeOf(body.length === 0 ? 'text' : formatOf(said, fallbackFormat, body.length))
}

type ReadContext = { readonly options: HttpReaderOptions; readonly signal: AbortSignal }

async function readPage(answer: IncomingMessage, url: URL, { options, signal }: ReadContext): Promise<Page> {
  const status = answer.statusCode ?? 0
  try {
    if (status !== 200)
      throw scrapeError('ASSAY_SCRAPE_STATUS', statusSentence(status, answer.statusMessage ?? '', url))
    const body = await readBody(answer, options.bodySizeBytes || DEFAULT_BODY_LIMIT_BYTES, signal)
    return { body, contentType: pageType(answer.headers['content-type'] ?? '', body, options) }
  } catch (thrown) {
    answer.destroy()
    throw thrown
  }
}

/** All bytes, decompressed, at most `limit`. */
export async function readBody(answer: IncomingMessage, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const encoding = checkEncoding((answer.headers['content-encoding'] ?? 'identity').toLowerCase())
  if (encoding === 'identity') return await collect(answer, limit, signal)
  const gunzip = createGunzip()
  answer.on('error', (cause) => gunzip.destroy(cause))
  answer.on('aborted', () => gunzip.destroy(new Error('aborted')))
  return await collect(answer.pipe(gunzip), limit, signal)
}

function checkEncoding(encoding: string): 'gzip' | 'identity' {
  if (encoding === 'gzip' || encoding === 'identity') return encoding
  throw scrapeError(
    'ASSAY_SCRAPE_ENCODING',
    `the answer is compressed with ${JSON.stringify(encoding.slice(0, 20))}, which was not asked for; gzip was`,
  )
}

async function collect(source: Readable, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      size += chunk.length
      // As in Prometheus, a page of exactly the limit is over it.
      if (size >= limit) throw overLimit(limit)
      chunks.push(chunk)
    }
  } catch (thrown) {
    source.destroy()
    if (thrown instanceof AssayError) throw thrown
    if (signal.aborted) throw timeoutOf(signal, `${size} bytes had come, and no end`)
    throw codeOf(thrown).startsWith('Z_') ? notGzip(thrown) : closedAfter(size, thrown)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}

function overLimit(limit: number): AssayError {
  return scrapeError(
    'ASSAY_SCRAPE_BODY_LIMIT',
    `the answer is not smaller than ${limit} bytes (body_size_limit); let the target send fewer series, or raise the limit`,
  )
}

function notGzip(cause: unknown): AssayError {
  return scrapeError('ASSAY_SCRAPE_ENCODING', 'the answer says it is gzip, but it is not, or it was cut off', cause)
}

function closedAfter(sizeBytes: number, cause: unknown): AssayError {
  return scrapeError(
    'ASSAY_SCRAPE_CONNECTION',
    `the target closed the connection after ${sizeBytes} bytes, before the page was complete`,
    cause,
  )
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
