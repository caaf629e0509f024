/**
 * A thread that evaluates queries, lists what is stored, and writes the answers: the head by shared memory, blocks by its own files.
 *
 * - Several questions take turns: evaluation gives way about every 12 ms.
 * - A long body is made as fast as it is read: `AHEAD` pieces at a time.
 * - What cannot be read here (histograms in the head, a damaged block) is given back: the first thread answers it.
 */
import { setPriority } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { AssayError, type Body, bodiesOf, type Piece, systemClock, unixMs } from '#core'
import { createEngine, type Engine } from '#promql'
import { listBody } from '#storage'
import { type AdoptedView, NotSharedError, StoreMirror } from '#tsdb'
import {
  type FromThread,
  receiveListing,
  type SentListing,
  sendAnswer,
  sendError,
  type ThreadSettings,
  type ToThread,
  type Work,
} from './query-message.ts'

/** Pieces that are sent without being asked for: about a megabyte. */
const AHEAD = 4

/** Behind the first thread, which scrapes, writes and judges: it is to run at once when it has something to do. */
const NICENESS = 5

if (parentPort === null) throw new TypeError('BUG: a query thread is started as a process')
const port = parentPort
const settings = workerData as ThreadSettings
const mirror = new StoreMirror()
const features = new Set(settings.features)

// There a niceness is one thread's; elsewhere it would be the whole process'.
if (process.platform === 'linux') setPriority(0, NICENESS)

type Asked = Extract<ToThread, { readonly kind: 'ask' }>
/** Questions that are being answered, and bodies that are being read. */
const asked = new Map<number, AbortController>()
const bodies = new Map<number, Iterator<Piece>>()

port.on('message', (message: ToThread) => {
  if (message.kind === 'ask') void answer(message)
  else if (message.kind === 'more') sendPieces(message.id)
  else {
    asked.get(message.id)?.abort()
    asked.delete(message.id)
    bodies.get(message.id)?.return?.()
    bodies.delete(message.id)
  }
})

send({ kind: 'ready' })

async function answer({ id, work, view }: Asked): Promise<void> {
  const stop = new AbortController()
  asked.set(id, stop)
  try {
    using adopted = await mirror.adopt(view)
    stop.signal.throwIfAborted()
    if (work.kind === 'list') await list(id, work.listing, adopted, stop.signal)
    else await evaluate(id, work, adopted, stop.signal)
  } catch (thrown) {
    const isElsewhere =
      thrown instanceof NotSharedError || (thrown instanceof AssayError && thrown.code === 'ASSAY_TSDB_CORRUPT')
    if (stop.signal.aborted) send({ kind: 'left', id })
    else send(isElsewhere ? { kind: 'elsewhere', id } : { kind: 'failed', id, error: sendError(thrown) })
  } finally {
    asked.delete(id)
  }
}

async function evaluate(
  id: number,
  work: Extract<Work, { kind: 'query' }>,
  { querier }: AdoptedView,
  signal: AbortSignal,
) {
  const { promql, when, subqueryStepMs, writing } = work
  const engine: Engine = createEngine({
    store: (start, end) => querier(unixMs(start), unixMs(end)),
    limits: { maxSamples: settings.maxSamples },
    lookbackMs: settings.lookbackMs,
    subqueryStepMs,
    features,
  })
  if (writing === undefined) {
    send({ kind: 'answer', id, answer: sendAnswer(await engine.query(promql, when, signal)) })
    return
  }
  const { stats, ...body } = await bodiesOf(engine.query, systemClock)(promql, when, writing, signal)
  startBody(id, body, stats === undefined ? {} : { stats })
}

async function list(id: number, sent: SentListing, adopted: AdoptedView, signal: AbortSignal): Promise<void> {
  const listing = receiveListing(sent)
  using querier = adopted.querier(unixMs(listing.start), unixMs(listing.end))
  // Between two selectors there is time to hear that nobody waits.
  const turn = () => nextTurn().then(() => signal.throwIfAborted())
  startBody(id, await listBody(querier, listing, { turn, handsOn: true }), {})
}

function startBody(
  id: number,
  { points, pieces }: Body,
  stats: Pick<Extract<FromThread, { kind: 'body' }>, 'stats'>,
): void {
  const all = pieces()[Symbol.iterator]()
  const { ready, isLast } = take(all)
  if (!isLast) bodies.set(id, all)
  send({ kind: 'body', id, points, ...stats, pieces: ready, isLast }, ready)
}

function sendPieces(id: number): void {
  const body = bodies.get(id)
  if (body === undefined) return
  const { ready, isLast } = take(body)
  if (isLast) bodies.delete(id)
  send({ kind: 'pieces', id, pieces: ready, isLast }, ready)
}

function take(body: Iterator<Piece>): { readonly ready: readonly Piece[]; readonly isLast: boolean } {
  const ready: Piece[] = []
  while (ready.length < AHEAD) {
    const next = body.next()
    if (next.done === true) return { ready, isLast: true }
    ready.push(next.value)
  }
  return { ready, isLast: false }
}

/** Memory of pieces is handed over. */
function send(message: FromThread, pieces: readonly Piece[] = []): void {
  port.postMessage(
    message,
    pieces.map(({ buffer }) => buffer),
  )
}
