/**
 * Requests of remote write 2.0 spelled field by field, as any sender could: also the wrong ones. The simple twin of `encodeWriteV2`,
 * and the answers of a receiver over the memory store.
 */
import { compressSync } from 'snappy'
import { ManualClock, type NativeHistogram, ProtoWriter } from '#core'
import { MetadataStore, memoryStore, type Store } from '#storage'
import { writeHistogram } from '../histogram-message.ts'
import { type RemoteAnswer, WriteReceiver } from './receive.ts'
import type { ExemplarSink } from './take.ts'
import type { WriteLimits } from './write-limits.ts'

export const NOW = 1_700_000_000_000

export type SentSeries = {
  readonly labels: readonly string[]
  /** Bits of the value where it is a column. */
  readonly samples?: readonly {
    readonly at: number
    readonly value: number | Float64Array
    readonly startAt?: number
  }[]
  readonly histograms?: readonly {
    readonly at: number
    readonly histogram: NativeHistogram
    readonly startAt?: number
  }[]
  readonly exemplars?: readonly { readonly labels: readonly string[]; readonly value: number; readonly at: number }[]
  readonly metadata?: { readonly type: number; readonly help: string; readonly unit: string }
  readonly createdAt?: number
}

/** A request of 2.0. `symbolsLast` writes the table behind the series, as the wire allows. */
export function requestV2(series: readonly SentSeries[], { symbolsLast = false } = {}): Buffer {
  const symbols = ['']
  const ref = (text: string) => {
    const known = symbols.indexOf(text)
    return known >= 0 ? known : symbols.push(text) - 1
  }
  const writer = new ProtoWriter()
  for (const one of series) {
    writer.blockField(5, () => {
      writer.blockField(1, () => {
        for (const text of one.labels) writer.varint(ref(text))
      })
      for (const { at, value, startAt } of one.samples ?? []) {
        writer.blockField(2, () => {
          if (typeof value === 'number') writer.doubleField(1, value)
          else writer.doubleOf(1, value, 0)
          writer.varintField(2, at)
          if (startAt !== undefined) writer.varintField(3, startAt)
        })
      }
      for (const { at, histogram, startAt } of one.histograms ?? [])
        writer.blockField(3, () => writeHistogram(writer, histogram, at, startAt))
      for (const { labels, value, at } of one.exemplars ?? []) {
        writer.blockField(4, () => {
          // Not packed: receivers take both.
          for (const text of labels) writer.varintField(1, ref(text))
          writer.doubleField(2, value)
          writer.varintField(3, at)
        })
      }
      const { metadata } = one
      if (metadata !== undefined) {
        writer.blockField(5, () => {
          writer.varintField(1, metadata.type)
          writer.varintField(3, ref(metadata.help))
          writer.varintField(4, ref(metadata.unit))
        })
      }
      if (one.createdAt !== undefined) writer.varintField(6, one.createdAt)
    })
  }
  const body = writer.take()
  for (const text of symbols) writer.textField(4, text)
  return Buffer.concat(symbolsLast ? [body, writer.take()] : [writer.take(), body])
}

/** A request of 1.0, where a series has no metadata and no start. */
export function requestV1(series: readonly SentSeries[]): Buffer {
  const writer = new ProtoWriter()
  const writeLabels = (labels: readonly string[]) => {
    for (let i = 0; i < labels.length; i += 2) {
      writer.blockField(1, () => {
        writer.textField(1, labels[i]!)
        writer.textField(2, labels[i + 1]!)
      })
    }
  }
  for (const one of series) {
    writer.blockField(1, () => {
      writeLabels(one.labels)
      for (const { at, value } of one.samples ?? []) {
        writer.blockField(2, () => {
          // As senders in Go do: what is 0 is left out.
          if (typeof value !== 'number') writer.doubleOf(1, value, 0)
          else if (value !== 0) writer.doubleField(1, value)
          if (at !== 0) writer.varintField(2, at)
        })
      }
      for (const { labels, value, at } of one.exemplars ?? []) {
        writer.blockField(3, () => {
          writeLabels(labels)
          writer.doubleField(2, value)
          writer.varintField(3, at)
        })
      }
      for (const { at, histogram } of one.histograms ?? [])
        writer.blockField(4, () => writeHistogram(writer, histogram, at))
    })
  }
  return writer.take()
}

export const V2_HEADERS = {
  'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '2.0.0',
} as const
export const V1_HEADERS = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' } as const

export type Bench = {
  readonly store: Store
  readonly metadata: MetadataStore
  readonly receiver: WriteReceiver
  readonly send: (message: Uint8Array, headers?: Readonly<Record<string, string>>) => Promise<RemoteAnswer>
  readonly sendBody: (body: Uint8Array, headers?: Readonly<Record<string, string>>) => Promise<RemoteAnswer>
}

/** A receiver over a store of its own, at `NOW`. */
export function openBench(
  options: {
    readonly exemplars?: ExemplarSink
    readonly store?: Store
    readonly typeAndUnitLabels?: boolean
    readonly writeLimits?: WriteLimits
  } = {},
): Bench {
  const store = options.store ?? memoryStore()
  const metadata = new MetadataStore()
  const receiver = new WriteReceiver({ clock: new ManualClock(NOW), ...options, store, metadata })
  const sendBody: Bench['sendBody'] = (body, headers = V2_HEADERS) => receiver.receive({ headers, body })
  return {
    store,
    metadata,
    receiver,
    send: (message, headers) => sendBody(Buffer.from(compressSync(Buffer.from(message))), headers),
    sendBody,
  }
}

/** What the answer says was written: samples, histograms, exemplars. */
export function writtenOf({
  headers,
}: RemoteAnswer): readonly [samples: number, histograms: number, exemplars: number] {
  const count = (kind: string) => Number(headers[`X-Prometheus-Remote-Write-${kind}-Written`] ?? Number.NaN)
  return [count('Samples'), count('Histograms'), count('Exemplars')]
}
