/**
 * What an answer means for what was sent: done, try again, or lost.
 *
 * Source: Prometheus remote write specifications 1.0 and 2.0, responses and retries.
 */

import type { WriteVersion } from './negotiate.ts'
import type { PostAnswer } from './post-client.ts'

export type Sent = { readonly samples: number; readonly histograms: number; readonly exemplars: number }

export type Verdict =
  | { readonly kind: 'done' }
  /** `afterMs`: not before, as the receiver says; absent: as our own backoff says. */
  | { readonly kind: 'retry'; readonly why: string; readonly afterMs?: number }
  /** What the receiver says it has not written. */
  | { readonly kind: 'lost'; readonly why: string; readonly lost: Sent }

const MAX_SHOWN = 1024

export function judgeAnswer(
  answer: PostAnswer,
  sent: Sent,
  how: { readonly version: WriteVersion; readonly retryOnHttp429: boolean; readonly now: number },
): Verdict {
  const { status } = answer
  const why = `${status}: ${answer.text.trim().slice(0, MAX_SHOWN)}`
  const afterMs = retryAfterMs(answer, how.now)
  if (status >= 500 || (status === 429 && how.retryOnHttp429))
    return { kind: 'retry', why, ...(afterMs === undefined ? {} : { afterMs }) }
  const written = writtenIn(answer)
  if (status >= 200 && status < 300) {
    if (how.version === 'v1' || written !== undefined || sent.samples + sent.histograms + sent.exemplars === 0)
      return { kind: 'done' }
    return {
      kind: 'lost',
      why: `${status}, but without saying what was written: the receiver reads remote write 1.0 alone; write protobuf_message: prometheus.WriteRequest`,
      lost: sent,
    }
  }
  if (written === undefined || how.version === 'v1') return { kind: 'lost', why, lost: sent }
  return {
    kind: 'lost',
    why,
    lost: {
      samples: Math.max(0, sent.samples - written.samples),
      histograms: Math.max(0, sent.histograms - written.histograms),
      exemplars: Math.max(0, sent.exemplars - written.exemplars),
    },
  }
}

/** `undefined`: none of the headers is there. One that is missing beside others stands for 0. */
function writtenIn({ headers }: PostAnswer): Sent | undefined {
  const read = (kind: string) => {
    const value = headers[`x-prometheus-remote-write-${kind}-written`]
    return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined
  }
  const samples = read('samples')
  const histograms = read('histograms')
  const exemplars = read('exemplars')
  if (samples === undefined && histograms === undefined && exemplars === undefined) return undefined
  return { samples: samples ?? 0, histograms: histograms ?? 0, exemplars: exemplars ?? 0 }
}

/** `Retry-After` in seconds or as a date. */
function retryAfterMs({ headers }: PostAnswer, now: number): number | undefined {
  const value = headers['retry-after']
  if (typeof value !== 'string') return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
