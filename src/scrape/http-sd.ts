/**
 * Target groups from an HTTP server, as Prometheus' `http_sd_configs`: asked anew at every interval.
 *
 * A server that fails, or answers with what is no list, keeps the targets it named last, and is reported.
 */
import { AssayError, type HttpClient, messageOf, redactUrl } from '#core'
import { connectionError, readBody } from './http-reader.ts'
import { parseGroups } from './target-groups.ts'
import type { TargetGroup } from './targets-of.ts'
import type { HttpSdConfig } from './types.ts'

const MAX_BODY_BYTES = 50 * 2 ** 20
const JSON_TYPE = /^application\/json(;\s*charset=("utf-8"|utf-8))?$/i

/** Each group with `__meta_url`. Rejects with `ASSAY_SCRAPE_HTTP_SD` or what the connection says; never with a secret of the URL. */
export async function readTargetUrl(
  { url, refreshMs }: Pick<HttpSdConfig, 'url' | 'refreshMs'>,
  client: HttpClient,
  { signal, version = '0' }: { readonly signal: AbortSignal; readonly version?: string },
): Promise<readonly TargetGroup[]> {
  const headers = {
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': `assay/${version}`,
    'x-prometheus-refresh-interval-seconds': String(refreshMs / 1000),
  }
  const shown = redactUrl(url)
  const wrong = (message: string) => new AssayError('ASSAY_SCRAPE_HTTP_SD', `${shown}: ${message}`)
  const { message } = await client.request({ url, headers }, signal).catch((thrown: unknown) => {
    throw thrown instanceof AssayError ? thrown : connectionError(thrown, new URL(url))
  })
  try {
    if (message.statusCode !== 200) throw wrong(`it answers ${message.statusCode}, not 200`)
    const type = message.headers['content-type'] ?? ''
    if (!JSON_TYPE.test(type.trim()))
      throw wrong(`it answers with ${JSON.stringify(type.slice(0, 60))}; a list of targets is sent as application/json`)
    const body = Buffer.from(await readBody(message, MAX_BODY_BYTES, signal)).toString()
    let content: unknown
    try {
      content = JSON.parse(body)
    } catch (cause) {
      throw wrong(`it answers with what is no JSON: ${messageOf(cause)}`)
    }
    return parseGroups(content, wrong).map(({ targets, labels }) => ({
      targets,
      labels: { ...labels, __meta_url: url },
    }))
  } finally {
    message.destroy()
  }
}
