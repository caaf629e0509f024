/**
 * Remote read: others ask for our samples and calculate with them themselves.
 *
 * - The first response type of the asker that we know is taken; none asked for is `samples`.
 * - External labels stand in for labels that the store does not hold: a matcher that asks for just their value is put to the
 *   store as "has none", and series get those that they lack. Series are ordered by the labels that are sent.
 * - Samples come whole, and so have limits: of samples in a query and of bytes. Chunks are streamed: one series at a time
 *   is in memory, made only when what came before has been taken. Who calls bounds how many run at once, until the last byte.
 * - Hints are not needed: samples of the whole span are sent.
 *
 * Source: prometheus: storage/remote/read_handler.go and codec.go.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { compress } from 'snappy'
import { AssayError, byBytes, Labels, type Matcher, matcher, messageOf, ProtoWriter, unixMs } from '#core'
import { compareLabels, MAX_INSTANT, type Querier, type Series, type Store } from '#storage'
import type { RemoteRequest } from '../request.ts'
import { unpackSnappy } from '../write/unpack.ts'
import { type Chunk, chunksOf } from './chunks.ts'
import { encodeFrame } from './frames.ts'
import {
  decodeReadRequest,
  encodeChunkedFrame,
  RESPONSE_TYPES,
  type ReadQuery,
  type ReadRequest,
  type ResponseType,
  writeSeries,
} from './messages.ts'

/** Most bytes of a request as it comes and after it is unpacked, as in Prometheus. */
export const MAX_READ_BODY_BYTES: number = 32 * 2 ** 20
/** Most bytes of an answer of samples before it is packed. */
const MAX_ANSWER_BYTES = 256 * 2 ** 20
/** So many bytes are made before others get their turn. */
const BYTES_PER_TURN = 2 ** 20

/** As Prometheus' `--storage.remote.read-sample-limit` and `--storage.remote.read-max-bytes-in-frame`. */
export const READ_LIMITS = { samples: 50_000_000, frameBytes: 1_048_576 } as const

export type RemoteReadDeps = {
  readonly store: Store
  readonly externalLabels: () => Readonly<Record<string, string>>
  /** `samples`: in the answer to one query, 0 is no limit. `frameBytes`: about, the last chunk goes beyond. */
  readonly limits?: { readonly samples: number; readonly frameBytes: number }
}

/** A stream holds a view of the store until its end, or until it is returned. */
export type ReadAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | AsyncGenerator<Buffer, void, undefined>
}

/** Rejects with the signal's reason, and for a fault of our own; what is wrong with the request is an answer. */
export async function remoteRead(
  deps: RemoteReadDeps,
  { body }: RemoteRequest,
  signal: AbortSignal,
): Promise<ReadAnswer> {
  try {
    const request = decodeReadRequest(await unpackSnappy(body, MAX_READ_BODY_BYTES))
    const external = deps.externalLabels()
    const questions = request.queries.map((query) => questionOf(query, external))
    if (negotiated(request) === 'samples') return await answerSamples(deps, questions, signal)
    return {
      status: 200,
      headers: { 'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse' },
      body: streamed(deps, questions, signal),
    }
  } catch (thrown) {
    const status = statusOf(thrown)
    if (status === undefined) throw thrown
    return {
      status,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: Buffer.from(`${messageOf(thrown)}\n`),
    }
  }
}

function statusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof AssayError)) return undefined
  const { code } = thrown
  if (code === 'ASSAY_REMOTE_TOO_LARGE') return 413
  const isTheirs = ['ASSAY_PROTO', 'ASSAY_REMOTE_SNAPPY', 'ASSAY_REGEX', 'ASSAY_REMOTE_READ'].includes(code)
  return isTheirs ? 400 : undefined
}

function negotiated({ accepted }: ReadRequest): ResponseType {
  if (accepted.length === 0) return 'samples'
  const first = accepted.find((type) => type !== undefined)
  if (first !== undefined) return first
  throw new AssayError(
    'ASSAY_REMOTE_READ',
    `none of the response types asked for is known; ask for ${RESPONSE_TYPES.map((_, i) => i).join(' or ')} (${RESPONSE_TYPES.join(', ')})`,
  )
}

/** A query in our words. */
type Question = {
  readonly start: number
  readonly end: number
  readonly matchers: readonly Matcher[]
  /** Name, value, sorted by name: what series get that lack it. */
  readonly external: readonly (readonly [string, string])[]
}

function questionOf(query: ReadQuery, external: Readonly<Record<string, string>>): Question {
  return {
    start: Math.max(query.start, -MAX_INSTANT),
    end: Math.min(query.end, MAX_INSTANT),
    matchers: query.matchers.map(({ name, op, value }) =>
      matcher(name, op, op === '=' && value === external[name] ? '' : value),
    ),
    external: Object.entries(external).toSorted(([a], [b]) => byBytes(a, b)),
  }
}

type Selected = { readonly labels: Labels; readonly series: Series }

function selected(querier: Querier, { matchers, external }: Question): readonly Selected[] {
  // A query that matches nothing in particular finds nothing, as in Prometheus.
  if (matchers.length === 0) return []
  const found = querier.select(matchers).map((series) => ({ labels: withExternal(series.labels, external), series }))
  return external.length === 0 ? found : found.toSorted((a, b) => compareLabels(a.labels, b.labels))
}

function withExternal(labels: Labels, external: Question['external']): Labels {
  const missing = external.filter(([name]) => !labels.has(name))
  return missing.length === 0 ? labels : Labels.fromPairs([...labels, ...missing])
}

async function answerSamples(
  { store, limits = READ_LIMITS }: RemoteReadDeps,
  questions: readonly Question[],
  signal: AbortSignal,
): Promise<ReadAnswer> {
  const writer = new ProtoWriter()
  const parts: Buffer[] = []
  let bytes = 0
  let bytesAtTurn = 0
  for (const question of questions) {
    using querier = store.querier(unixMs(question.start), unixMs(question.end))
    // The head of a result has its length, so it is put in front when the result is there.
    const head = parts.push(Buffer.alloc(0)) - 1
    let samples = 0
    let size = 0
    for (const { labels, series } of selected(querier, question)) {
      const columns = series.samples()
      samples += columns.count
      if (limits.samples > 0 && samples > limits.samples)
        throw new AssayError('ASSAY_REMOTE_READ', `exceeded sample limit (${limits.samples})`)
      writeSeries(writer, 1, labels, columns)
      const part = writer.take()
      parts.push(part)
      size += part.length
      bytes += part.length
      if (bytes > MAX_ANSWER_BYTES) {
        throw new AssayError(
          'ASSAY_REMOTE_READ',
          `the answer has more than ${MAX_ANSWER_BYTES} bytes; ask for less, or for streamed chunks`,
        )
      }
      if (bytes - bytesAtTurn > BYTES_PER_TURN) {
        bytesAtTurn = bytes
        await nextTurn()
        signal.throwIfAborted()
      }
    }
    writer.varint((1 << 3) | 2)
    writer.varint(size)
    parts[head] = writer.take()
  }
  const packed = await compress(Buffer.concat(parts))
  return {
    status: 200,
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: packed,
  }
}

/** Frames of at most one series each; a series of many chunks takes several. */
async function* streamed(
  { store, limits = READ_LIMITS }: RemoteReadDeps,
  questions: readonly Question[],
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let bytes = 0
  for (const [queryIndex, question] of questions.entries()) {
    using querier = store.querier(unixMs(question.start), unixMs(question.end))
    for (const { labels, series } of selected(querier, question)) {
      for (const chunks of framesOf(chunksOf(series.samples()), limits.frameBytes - labelBytes(labels))) {
        signal.throwIfAborted()
        const frame = encodeFrame(encodeChunkedFrame({ queryIndex, series: [{ labels, chunks }] }))
        bytes += frame.length
        yield frame
        if (bytes > BYTES_PER_TURN) {
          bytes = 0
          await nextTurn()
        }
      }
    }
  }
}

function* framesOf(chunks: Iterable<Chunk>, limitBytes: number): Generator<readonly Chunk[], void, undefined> {
  let frame: Chunk[] = []
  let size = 0
  for (const chunk of chunks) {
    frame.push(chunk)
    size += chunk.data.length + CHUNK_HEAD_BYTES
    if (size < limitBytes) continue
    yield frame
    frame = []
    size = 0
  }
  if (frame.length > 0) yield frame
}

/** Instants, encoding and lengths of one chunk. */
const CHUNK_HEAD_BYTES = 24

function labelBytes({ flat }: Labels): number {
  return flat.reduce((sum, text) => sum + Buffer.byteLength(text) + 4, 0)
}
