/**
 * Brings messages to one receiver: tries until each is taken, refused or lost, in the version that the receiver reads.
 *
 * - What can be taken later (5xx, no answer, 429 where that is asked for) is tried again with growing waits.
 * - A receiver that does not read 2.0 (415) is sent 1.0 from then on. When it does not take that either, the next message is 2.0
 *   again, so that nobody is held to a version that never worked.
 *
 * Source: Prometheus remote write specification 2.0, retries and backoff, 2.x against 1.x.
 */
import { type Clock, type Log, messageOf, redactUrl, type Text } from '#core'
import type { RemoteWriteConfig } from './config.ts'
import { judgeAnswer, type Sent, type Verdict } from './judge-answer.ts'
import { contentTypeOf, type WriteVersion } from './negotiate.ts'
import type { PostClient } from './post-client.ts'
import type { SenderTotals } from './sender-metrics.ts'

export type DeliveryDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly client: PostClient
  readonly resolve: (text: Text) => string
  /** How we call ourselves. */
  readonly version: string
  /** In [0, 1). */
  readonly random: () => number
  readonly totals: SenderTotals
  /** Told when a message was not taken. */
  readonly onTrouble?: () => void
}

/** `body` is packed. */
export type Message = { readonly version: WriteVersion; readonly body: Buffer; readonly sent: Sent }

export type Outcome =
  | { readonly kind: 'done' }
  /** `status`: of the answer that refused it. */
  | { readonly kind: 'lost'; readonly lost: Sent; readonly status: number }
  /** Before there was an answer. */
  | { readonly kind: 'aborted' }
  /** There was nothing (more) to send. */
  | { readonly kind: 'nothing' }

const TELL_EVERY_MS = 1000
/** No receiver puts us off for longer at a time. */
const MAX_RETRY_AFTER_MS = 300_000

export class Delivery {
  readonly #config: RemoteWriteConfig
  readonly #deps: DeliveryDeps
  /** The end has waited long enough: even what is under way is given up. */
  readonly #late: AbortSignal
  #version: WriteVersion
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(config: RemoteWriteConfig, late: AbortSignal, deps: DeliveryDeps) {
    this.#config = config
    this.#deps = deps
    this.#late = late
    this.#version = config.version
  }

  /** What messages are to be written in now. */
  get version(): WriteVersion {
    return this.#version
  }

  get fellBack(): boolean {
    return this.#version !== this.#config.version
  }

  /** `next` gives the message as it is to be sent now: in `version`, without what has become too old meanwhile. */
  async deliver(next: () => Message | undefined, signal: AbortSignal): Promise<Outcome> {
    const { clock, random, totals } = this.#deps
    const { queue } = this.#config
    let backoffMs = queue.minBackoffMs
    let isRefused = false
    for (;;) {
      if (signal.aborted) return { kind: 'aborted' }
      const message = next()
      if (message === undefined) return { kind: 'nothing' }
      const { sent } = message
      const verdict = await this.#attempt(message)
      switch (verdict.kind) {
        case 'done':
          totals.lastError = ''
          return verdict
        case 'lost':
          this.#complain(verdict.why)
          return verdict
        case 'unsupported':
          if (message.version === 'v2' && !isRefused) {
            isRefused = true
            this.#fallBack(verdict.why)
            break
          }
          this.#version = this.#config.version
          this.#complain(verdict.why)
          return { kind: 'lost', lost: sent, status: 415 }
        case 'retry': {
          totals.samplesRetried += sent.samples
          totals.histogramsRetried += sent.histograms
          totals.exemplarsRetried += sent.exemplars
          this.#complain(verdict.why)
          // Between half of the step and all of it, so that senders do not come back together.
          const own = backoffMs / 2 + (backoffMs / 2) * random()
          await clock.sleep(Math.min(MAX_RETRY_AFTER_MS, Math.max(own, verdict.afterMs ?? 0)), signal)
          backoffMs = Math.min(queue.maxBackoffMs, backoffMs * 2)
        }
      }
    }
  }

  async #attempt({ version, body, sent }: Message): Promise<Verdict> {
    const { clock, client, totals } = this.#deps
    const config = this.#config
    const startedMs = clock.monotonicMs()
    // Neither a new number of lanes nor the end aborts a request under way: whether it arrived would not be known.
    const done = new AbortController()
    const late = new AbortController()
    const signal = AbortSignal.any([late.signal, this.#late])
    void clock.sleep(config.timeoutMs, done.signal).then(() => {
      if (!done.signal.aborted) late.abort(new Error(`no answer within ${config.timeoutMs} ms`))
    })
    try {
      const answer = await client.post({ url: config.url, headers: this.#headers(version), body }, signal)
      totals.bytes += body.length
      const { retryOnHttp429 } = config.queue
      return judgeAnswer(answer, sent, { version, retryOnHttp429, now: clock.now() })
    } catch (thrown) {
      return { kind: 'retry', why: messageOf(late.signal.aborted ? late.signal.reason : thrown) }
    } finally {
      done.abort()
      const tookMs = clock.monotonicMs() - startedMs
      totals.sendingMs += tookMs
      totals.duration.observe(tookMs / 1000)
    }
  }

  #headers(version: WriteVersion): Readonly<Record<string, string>> {
    const { resolve, version: own } = this.#deps
    const configured = Object.entries(this.#config.headers).map(
      ([name, value]) => [name.toLowerCase(), resolve(value)] as const,
    )
    return {
      ...Object.fromEntries(configured),
      'content-type': contentTypeOf(version),
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': version === 'v1' ? '0.1.0' : '2.0.0',
      'user-agent': `assay/${own}`,
    }
  }

  #fallBack(why: string): void {
    if (this.#version === 'v1') return
    this.#version = 'v1'
    this.#deps.log.warn(
      { ...this.#receiver(), why },
      'remote write: the receiver does not read 2.0 and is sent 1.0, without start timestamps and custom buckets; write protobuf_message: prometheus.WriteRequest',
    )
  }

  /** Told once until something else is wrong, and at most once a second: a receiver that is down is one fact. */
  #complain(why: string): void {
    const { totals, log, clock, onTrouble } = this.#deps
    onTrouble?.()
    if (totals.lastError === why) return
    totals.lastError = why
    if (clock.monotonicMs() - this.#toldAtMs < TELL_EVERY_MS) return
    this.#toldAtMs = clock.monotonicMs()
    log.warn({ ...this.#receiver(), why }, 'remote write: not taken')
  }

  #receiver(): { readonly remote: string; readonly url: string } {
    return { remote: this.#config.name, url: redactUrl(this.#config.url) }
  }
}
