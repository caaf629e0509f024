/**
 * Writes series to a server by remote write 1.0, native histograms included. An encoder apart from assay's own sender: what
 * both servers are given must not depend on what is tested.
 *
 * Doubles are copied as they lie in memory, which is little-endian on every machine that Node runs on but s390x.
 *
 * Source: prometheus: prompb/remote.proto and types.proto.
 */
import { compressSync } from 'snappy'
import { type Buckets, isStaleAt, type NativeHistogram, ProtoWriter, RESET_HINTS, spansOf } from '#core'
import { CHANGE_STEPS, type GivenSeries, STALE_BITS, STEP_MS } from './data-set.ts'

/**
 * Between two changes of a series from floats to histograms: within one request, Prometheus takes the floats of a series first.
 * And a head takes what is not older than half of its chunk range, an hour.
 */
const SLICE_MS = CHANGE_STEPS * STEP_MS
const STALE = new Float64Array(BigUint64Array.of(STALE_BITS).buffer)

/**
 * In slices of time, each one request, after a stale marker for every series: then all are there in the order in which they are
 * given, which is the one that Prometheus takes them in where PromQL knows none (`limitk`, the ties of `topk`). Rejects with
 * the server's words when it does not take all of it.
 */
export async function writeData(url: string, all: readonly GivenSeries[]): Promise<void> {
  const first = Math.min(...all.map(({ timestamps }) => timestamps[0] ?? Infinity))
  const last = Math.max(...all.map(({ timestamps }) => timestamps.at(-1) ?? -Infinity))
  const markers = all.map(({ labels, histograms }) => ({
    labels,
    timestamps: Float64Array.of(first - STEP_MS),
    values: STALE,
    ...(histograms === undefined ? {} : { histograms: [undefined], endsHistograms: histograms[0] !== undefined }),
  }))
  await send(url, encodeSlice(markers, first - STEP_MS, first))
  for (let from = first; from <= last; from += SLICE_MS) await send(url, encodeSlice(all, from, from + SLICE_MS))
}

async function send(url: string, message: Uint8Array): Promise<void> {
  const body = compressSync(message)
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
    body: Uint8Array.from(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} does not take the data: ${response.status} ${text.trim()}`)
}

/** All samples in [from, to). */
function encodeSlice(
  all: readonly (GivenSeries & { readonly endsHistograms?: boolean })[],
  from: number,
  to: number,
): Uint8Array {
  const request = new ProtoWriter(1 << 20)
  for (const { labels, timestamps, values, histograms, endsHistograms = false } of all) {
    const one = new ProtoWriter()
    for (const [name, value] of labels) {
      const label = new ProtoWriter()
      label.textField(1, name)
      label.textField(2, value)
      one.blobField(1, label.take())
    }
    let any = false
    let isHistogram = endsHistograms
    for (let i = 0; i < timestamps.length; i++) {
      const at = timestamps[i]!
      if (at < from || at >= to) continue
      any = true
      const histogram = histograms?.[i]
      // A series of histograms ends with one whose sum is the marker, as Prometheus itself writes it; not before floats of the
      // same request, which would come first.
      const isStale = histogram === undefined && isStaleAt(values, i)
      if (!isStale) isHistogram = histogram !== undefined
      if (isStale && isHistogram) one.blobField(4, encodeStale(values, i, at))
      else if (histogram === undefined) {
        const sample = new ProtoWriter(32)
        sample.doubleOf(1, values, i)
        sample.varintField(2, at)
        one.blobField(2, sample.take())
      } else one.blobField(4, encodeHistogram(histogram, at))
    }
    if (any) request.blobField(1, one.take())
  }
  return request.take()
}

function encodeHistogram(h: NativeHistogram, at: number): Uint8Array {
  const out = new ProtoWriter(256)
  if (h.isInteger) out.varintField(1, h.count)
  else out.doubleField(2, h.count)
  out.doubleField(3, h.sum)
  out.zigzagField(4, h.schema)
  out.doubleField(5, h.zeroThreshold)
  if (h.isInteger) out.varintField(6, h.zeroCount)
  else out.doubleField(7, h.zeroCount)
  encodeSide(out, h.negative, h.isInteger, { spans: 8, deltas: 9, counts: 10 })
  encodeSide(out, h.positive, h.isInteger, { spans: 11, deltas: 12, counts: 13 })
  out.varintField(14, RESET_HINTS.indexOf(h.resetHint))
  out.varintField(15, at)
  if (h.customBounds.length > 0)
    out.blockField(16, () => out.raw(new Uint8Array(Float64Array.from(h.customBounds).buffer)))
  return out.take()
}

function encodeStale(values: Float64Array, i: number, at: number): Uint8Array {
  const out = new ProtoWriter(32)
  out.doubleOf(3, values, i)
  out.varintField(15, at)
  return out.take()
}

function encodeSide(
  out: ProtoWriter,
  buckets: Buckets,
  isInteger: boolean,
  fields: { readonly spans: number; readonly deltas: number; readonly counts: number },
): void {
  for (const { offset, length } of spansOf(buckets)) {
    const span = new ProtoWriter(16)
    span.zigzagField(1, offset)
    span.varintField(2, length)
    out.blobField(fields.spans, span.take())
  }
  if (buckets.counts.length === 0) return
  if (!isInteger) {
    out.blockField(fields.counts, () => out.raw(new Uint8Array(Float64Array.from(buckets.counts).buffer)))
    return
  }
  let before = 0
  out.blockField(fields.deltas, () => {
    for (const count of buckets.counts) {
      out.zigzag(count - before)
      before = count
    }
  })
}
