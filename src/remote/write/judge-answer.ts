/**
 * What an answer means for what was sent: done, try again, try another version, or lost.
 *
 * - 2.0 is told by headers how much was written. What they leave out is lost, whatever the status: it is not sent again.
 * - A 2xx to 2.0 without any of these headers stands for 415: a receiver of 1.0 that looks at no content type reads nothing.
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
  /** The receiver does not read this version; another one may be tried. */
  | { readonly kind: 'unsupported'; readonly why: string }
  /** What the receiver says it has not written. */
  | { readonly kind: 'lost'; readonly why: string; readonly lost: Sent; readonly status: number }

const MAX_SHOWN = 1024

export function judgeAnswer(
  answer: PostAnswer,
  sent: Sent,
  how: { readonly version: WriteVersion; readonly retryOnHttp429: boolean; readonly now: number },
): Verdict {
  const { status } = answer
  const why = `${status}: ${answer.text.trim().slice(0, MAX_SHOWN)}`
  if (status >= 500 || (status === 429 && how.retryOnHttp429)) {
    const afterMs = retryAfterMs(answer, how.now)
    return { kind: 'retry', why, ...(afterMs === undefined ? {} : { afterMs }) }
  }
  if (status === 415) return { kind: 'unsupported', why }
  const isDone = status >= 200 && status < 300
  if (how.version === 'v1') return isDone ? { kind: 'done' } : { kind: 'lost', why, lost: sent, status }
  const written = writtenIn(answer)
  if (!isDone) return { kind: 'lost', why, lost: missing(sent, written), status }
  if (totalOf(sent) === 0) return { kind: 'done' }
  if (written === undefined)
    return { kind: 'unsupported', why: `${status}, but without saying what was written, as a receiver of 1.0 answers` }
  const lost = missing(sent, written)
  return totalOf(lost) === 0
    ? { kind: 'done' }
    : { kind: 'lost', why: `${status}, but not all was written: missing are ${told(lost)}`, lost, status }
}

/** Those of `sent` that are not in `written`; none of the headers says that nothing was. */
function missing(sent: Sent, written: Sent | undefined): Sent {
  if (written === undefined) return sent
  return {
    samples: Math.max(0, sent.samples - written.samples),
    histograms: Math.max(0, sent.histograms - written.histograms),
    exemplars: Math.max(0, sent.exemplars - written.exemplars),
  }
}

function totalOf({ samples, histograms, exemplars }: Sent): number {
  return samples + histograms + exemplars
}

function told({ samples, histograms, exemplars }: Sent): string {
  return `${samples} samples, ${histograms} histograms, ${exemplars} exemplars`
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
