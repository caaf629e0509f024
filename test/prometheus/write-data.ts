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
import { type GivenSeries, STALE_BITS, STEP_MS } from './data-set.ts'

const STALE = new Float64Array(BigUint64Array.of(STALE_BITS).buffer)

/** `integers`: histograms of whole counts, which Prometheus keeps apart from others. */
type Kind = 'floats' | 'histograms' | 'integers'
/** Samples [from, to) of a series, all of one kind; stale markers belong to what they end. */
type Run = { readonly from: number; readonly to: number; readonly kind: Kind }

/**
 * A stale marker for every series first: then all are there in the order in which they are given, which is the one that Prometheus
 * takes them in where PromQL knows none (`limitk`, the ties of `topk`). Rejects with the server's words when it does not take
 * all of it.
 */
export async function writeData(url: string, all: readonly GivenSeries[]): Promise<void> {
  const first = Math.min(...all.map(({ timestamps }) => timestamps[0] ?? Infinity))
  await writeSamples(
    url,
    all.map((one) => markerOf(one, first - STEP_MS)),
  )
  await writeSamples(url, all)
}

/** A series that ended at this instant, of the kind that it begins with. */
export function markerOf({ labels, histograms }: GivenSeries, at: number): GivenSeries {
  return {
    labels,
    timestamps: Float64Array.of(at),
    values: STALE,
    ...(histograms?.[0] === undefined ? {} : { histograms: [undefined], endsHistograms: true }),
  }
}

/**
 * In as many requests as a series has runs at most: within one request, Prometheus takes the floats of a series before its
 * histograms.
 */
export async function writeSamples(url: string, all: readonly GivenSeries[]): Promise<void> {
  const runs = all.map((series) => runsOf(series))
  const most = Math.max(0, ...runs.map(({ length }) => length))
  for (let i = 0; i < most; i++) {
    const request = new ProtoWriter(1 << 20)
    for (const [n, series] of all.entries()) {
      const run = runs[n]![i]
      if (run !== undefined) request.blobField(1, encodeSeries(series, run))
    }
    await send(url, request.take())
  }
}

function runsOf(series: GivenSeries): readonly Run[] {
  const { timestamps, values, histograms, endsHistograms = false } = series
  if (histograms === undefined) return [{ from: 0, to: timestamps.length, kind: 'floats' }]
  const kindOf = (i: number, before: Kind): Kind => {
    const one = histograms[i]
    if (one !== undefined) return one.isInteger ? 'integers' : 'histograms'
    return isStaleAt(values, i) ? before : 'floats'
  }
  const runs: Run[] = []
  let from = 0
  let kind = kindOf(0, endsHistograms ? 'histograms' : 'floats')
  for (let i = 1; i <= timestamps.length; i++) {
    const next = i < timestamps.length ? kindOf(i, kind) : undefined
    if (next === kind) continue
    runs.push({ from, to: i, kind })
    from = i
    if (next !== undefined) kind = next
  }
  return runs
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

function encodeSeries({ labels, timestamps, values, histograms }: GivenSeries, run: Run): Uint8Array {
  const one = new ProtoWriter()
  for (const [name, value] of labels) {
    const label = new ProtoWriter()
    label.textField(1, name)
    label.textField(2, value)
    one.blobField(1, label.take())
  }
  for (let i = run.from; i < run.to; i++) {
    const at = timestamps[i]!
    const histogram = histograms?.[i]
    if (histogram !== undefined) one.blobField(4, encodeHistogram(histogram, at))
    // A series of histograms ends with one whose sum is the marker, as Prometheus itself writes it.
    else if (run.kind !== 'floats') one.blobField(4, encodeStale(values, i, at, run.kind))
    else {
      const sample = new ProtoWriter(32)
      sample.doubleOf(1, values, i)
      sample.varintField(2, at)
      one.blobField(2, sample.take())
    }
  }
  return one.take()
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

function encodeStale(values: Float64Array, i: number, at: number, kind: Kind): Uint8Array {
  const out = new ProtoWriter(32)
  if (kind === 'integers') out.varintField(1, 0)
  else out.doubleField(2, 0)
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
