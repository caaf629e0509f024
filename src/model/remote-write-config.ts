/**
 * `remote_write` of Prometheus' configuration: whom we pass on what we keep. Keys and defaults are Prometheus'.
 *
 * - `round_robin_dns` is taken without effect: an address is looked up by the system.
 * - Ways to authenticate that need a cloud's own library are refused.
 */
import { z } from 'zod'
import type { RemoteWriteConfig } from '#remote'
import type { RelabelConfig } from '#scrape'
import { duration, notHere, number, text, truth } from './config-scalars.ts'
import { httpClientFaults, httpClientOf, httpClientShape, isHttpUrl } from './http-client-config.ts'
import { relabelOf, relabelSteps } from './relabel-config.ts'

const MESSAGES = ['prometheus.WriteRequest', 'io.prometheus.write.v2.Request'] as const
/** Headers that say what is sent, or who sends it. */
const RESERVED =
  /^(?:authorization|host|content-(?:encoding|length|type)|user-agent|connection|keep-alive|proxy-auth.*|www-authenticate|accept-encoding|x-prometheus-remote-.*|x-amz-.*)$/i

const cloud = notHere(
  'assay has no library of that cloud; put a proxy that signs in front, and write its address as url',
)
const FROM_ONE = { error: 'write a whole number from 1 on' }
const atLeastOne = number(z.int(FROM_ONE).min(1, FROM_ONE))

const queue = z
  .strictObject({
    capacity: atLeastOne.default(10_000),
    max_shards: atLeastOne.default(50),
    min_shards: atLeastOne.default(1),
    max_samples_per_send: atLeastOne.default(2000),
    batch_send_deadline: duration.default(5000),
    min_backoff: duration.default(30),
    max_backoff: duration.default(5000),
    retry_on_http_429: truth.default(false),
    sample_age_limit: duration.default(0),
  })
  .superRefine(({ min_shards: min, max_shards: max, min_backoff: first, max_backoff: last }, context) => {
    const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
    if (min > max) wrong('min_shards', `min_shards ${min} is above max_shards ${max}`)
    if (first <= 0) wrong('min_backoff', 'min_backoff must be above 0; write 30ms')
    if (first > last) wrong('max_backoff', 'max_backoff is below min_backoff')
  })

const metadata = z.strictObject({
  send: truth.default(true),
  send_interval: duration.refine((ms) => ms > 0, { error: 'send_interval must be above 0' }).default(60_000),
  max_samples_per_send: atLeastOne.default(2000),
})

/** The schema of one receiver. */
export const remoteWrite = z
  .strictObject({
    url: z.string({ error: 'url is missing; write where the receiver takes remote write' }).refine(isHttpUrl, {
      error: 'write an address with http:// or https://',
    }),
    remote_timeout: duration.refine((ms) => ms > 0, { error: 'remote_timeout must be above 0' }).default(30_000),
    headers: z.record(z.string(), text).default({}),
    write_relabel_configs: relabelSteps.default([]),
    name: text.default(''),
    protobuf_message: z.enum(MESSAGES, { error: `write one of ${MESSAGES.join(', ')}` }).default(MESSAGES[0]),
    send_exemplars: truth.default(false),
    send_native_histograms: truth.default(false),
    round_robin_dns: truth.optional(),
    queue_config: queue.prefault({}),
    metadata_config: metadata.prefault({}),
    sigv4: cloud,
    azuread: cloud,
    google_iam: cloud,
    ...httpClientShape,
  })
  .superRefine((one, context) => {
    for (const name of Object.keys(one.headers))
      if (RESERVED.test(name))
        context.addIssue({
          code: 'custom',
          path: ['headers', name],
          message: `the header ${name} is made by the request itself; remove it, or write basic_auth or authorization`,
        })
    for (const { path, message } of httpClientFaults(one))
      context.addIssue({ code: 'custom', path: [...path], message })
  })

/** The schema of the section. */
export const remoteWrites = z
  .array(remoteWrite, { error: 'a list of receivers was expected' })
  .default([])
  .superRefine((list, context) => {
    const names = new Set<string>()
    for (const [i, { name }] of list.entries()) {
      if (name !== '' && names.has(name))
        context.addIssue({
          code: 'custom',
          path: [i, 'name'],
          message: `two receivers are named ${JSON.stringify(name)}; give one another name`,
        })
      names.add(name)
    }
  })

/** `dir`: where the file stands, for files named in it. */
export function remoteWriteOf(
  one: z.output<typeof remoteWrites>[number],
  dir: string,
): RemoteWriteConfig<RelabelConfig> {
  const { queue_config: queued, metadata_config: told } = one
  return {
    name: one.name,
    url: one.url,
    version: one.protobuf_message === MESSAGES[0] ? 'v1' : 'v2',
    timeoutMs: one.remote_timeout,
    headers: one.headers,
    writeRelabelConfigs: one.write_relabel_configs.map(relabelOf),
    sendExemplars: one.send_exemplars,
    sendNativeHistograms: one.send_native_histograms,
    http: httpClientOf(one, dir),
    queue: {
      capacity: queued.capacity,
      minShards: queued.min_shards,
      maxShards: queued.max_shards,
      maxSamplesPerSend: queued.max_samples_per_send,
      batchSendDeadlineMs: queued.batch_send_deadline,
      minBackoffMs: queued.min_backoff,
      maxBackoffMs: queued.max_backoff,
      retryOnHttp429: queued.retry_on_http_429,
      sampleAgeLimitMs: queued.sample_age_limit,
    },
    metadata: {
      send: told.send,
      sendIntervalMs: told.send_interval,
      maxSamplesPerSend: told.max_samples_per_send,
    },
  }
}
