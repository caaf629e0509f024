/**
 * What `--remote-engine` names: the address of a store that speaks Prometheus, or a file that says how it is asked and written to.
 *
 * - `query` is asked, over the HTTP API; `write` is one entry of `remote_write`. Without `write`, the same server takes remote write under
 *   `/api/v1/write`, with the same credentials and headers.
 * - Without `write`, batches go after half a second, as rules see what they wrote only then, and 429 is tried again: nobody else keeps it.
 */
import { dirname } from 'node:path'
import { z } from 'zod'
import { AssayError } from '#core'
import type { EngineClientConfig, RemoteWriteConfig } from '#remote'
import type { RelabelConfig } from '#scrape'
import { duration, text } from './config-scalars.ts'
import { httpClientFaults, httpClientOf, httpClientShape, isHttpUrl } from './http-client-config.ts'
import { remoteWrite, remoteWriteOf, remoteWrites } from './remote-write-config.ts'
import { parseYaml } from './yaml.ts'

export type RemoteEngineConfig = {
  readonly query: EngineClientConfig
  readonly write: RemoteWriteConfig<RelabelConfig>
}

const TIMEOUT_MS = 120_000
const BATCH_MS = 500
/** What the receiver is called in metrics, and its spool on disk. */
const NAME = 'engine'

const query = z
  .strictObject({
    url: z
      .string({ error: 'url is missing; write what stands before /api/v1' })
      .refine(isHttpUrl, { error: 'write an address with http:// or https://' })
      .refine((url) => !/\/\/[^/]*@/.test(url), { error: 'write credentials as basic_auth, not into the address' }),
    remote_timeout: duration.refine((ms) => ms > 0, { error: 'remote_timeout must be above 0' }).default(TIMEOUT_MS),
    headers: z.record(z.string(), text).default({}),
    ...httpClientShape,
  })
  .superRefine((one, context) => {
    for (const { path, message } of httpClientFaults(one))
      context.addIssue({ code: 'custom', path: [...path], message })
  })
const file = z.strictObject({ query, write: remoteWrite.optional() })

/** Throws `ASSAY_CONFIG` with the place in the file. */
export function parseRemoteEngine(source: string, name: string): RemoteEngineConfig {
  const given = parseYaml(source, name, file, 'ASSAY_CONFIG')
  const dir = dirname(name)
  const asked: EngineClientConfig = {
    url: given.query.url.replace(/\/+$/, ''),
    http: httpClientOf(given.query, dir),
    headers: given.query.headers,
    timeoutMs: given.query.remote_timeout,
  }
  const write = given.write === undefined ? undefined : remoteWriteOf(given.write, dir)
  return { query: asked, write: write === undefined ? writeBeside(asked) : { ...write, name: write.name || NAME } }
}

/** Of an address alone. Throws `ASSAY_CONFIG`. */
export function remoteEngineAt(url: string): RemoteEngineConfig {
  const parsed = query.safeParse({ url })
  if (!parsed.success) {
    const why = parsed.error.issues.map(({ message }) => message).join('; ')
    throw new AssayError(
      'ASSAY_CONFIG',
      `--remote-engine: ${why}; for credentials, headers or another address for writing, name a file`,
    )
  }
  const asked = { url: url.replace(/\/+$/, ''), http: {}, headers: {}, timeoutMs: TIMEOUT_MS }
  return { query: asked, write: writeBeside(asked) }
}

function writeBeside({ url, http, headers }: EngineClientConfig): RemoteWriteConfig<RelabelConfig> {
  const [defaults] = remoteWrites.parse([{ url: `${url}/api/v1/write`, name: NAME }])
  const config = remoteWriteOf(defaults!, '')
  return {
    ...config,
    http,
    headers,
    sendExemplars: true,
    sendNativeHistograms: true,
    queue: { ...config.queue, batchSendDeadlineMs: BATCH_MS, retryOnHttp429: true },
  }
}
