/**
 * Delivers what the outbox holds: at least once, in order per receiver, until the receiver took it.
 *
 * - Each receiver has a loop of its own, so one that is dead holds up no other.
 * - A message leaves the outbox in the same write that notes its delivery. A crash in between repeats it, under the
 *   same id.
 * - What a receiver refuses for good `MAX_REFUSALS` times is put aside, and those behind it go on.
 * - A pile is told in one message: nobody reads two hundred mails in a storm. Nothing of it is lost.
 */
import { createHash } from 'node:crypto'
import { AssayError, type Clock, type Log, messageOf } from '#core'
import type { Fact, State, Write } from '#state'
import { BACKOFF, type Backoff, backoffMs } from './backoff.ts'
import { type Deliver, DeliveryError, deliverTo, fromEnvironment, type Resolve } from './deliver.ts'
import { OUTBOX, outboxPrefix, tryDecodeNotification, UNDELIVERED } from './outbox.ts'
import type { Notification, ReceiverSpec } from './types.ts'

export type NotifierOptions = {
  readonly receivers: readonly ReceiverSpec[]
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  /** Where secrets come from; the default is the environment. */
  readonly resolve?: Resolve
  /** In [0, 1): the jitter. */
  readonly random?: () => number
  readonly backoff?: Backoff
  /** The longest one delivery may take; 30 s. */
  readonly timeoutMs?: number
  /** How many waiting messages become one; 10. */
  readonly digestFrom?: number
  /** How a message leaves; for tests and for receivers of one's own. */
  readonly deliver?: (spec: ReceiverSpec) => Deliver
}

export type ReceiverStatus = {
  readonly receiver: string
  readonly pending: number
  readonly delivered: number
  readonly failures: number
  readonly undelivered: number
  /** Why the last try failed; '' after a success. */
  readonly lastError: string
}

export interface Notifier extends AsyncDisposable {
  /** There is something new in the outbox. */
  wake(): void
  status(): readonly ReceiverStatus[]
}

export const MAX_REFUSALS = 5
/** Most messages of one digest; a larger pile becomes several. */
const MAX_DIGEST = 200
/** Looks at the outbox without being woken, for what another process wrote. */
const IDLE_MS = 15_000

export function createNotifier(options: NotifierOptions): Notifier {
  return new Deliveries(options)
}

type Lane = {
  readonly spec: ReceiverSpec
  readonly deliver: Deliver
  wake: AbortController
  /** Woken while it was busy: look again before sleeping. */
  woken: boolean
  delivered: number
  failures: number
  failedInRow: number
  refusals: number
  undelivered: number
  pending: number
  lastError: string
}

class Deliveries implements Notifier {
  readonly #options: NotifierOptions
  readonly #stop = new AbortController()
  readonly #lanes: readonly Lane[]
  readonly #loops: Promise<unknown>

  constructor(options: NotifierOptions) {
    this.#options = options
    const deliver = options.deliver ?? ((spec: ReceiverSpec) => deliverTo(spec, options.resolve ?? fromEnvironment))
    this.#lanes = options.receivers.map((spec) => ({
      spec,
      deliver: deliver(spec),
      wake: new AbortController(),
      woken: false,
      delivered: 0,
      failures: 0,
      failedInRow: 0,
      refusals: 0,
      undelivered: 0,
      pending: 0,
      lastError: '',
    }))
    this.#loops = Promise.all([...this.#lanes.map((lane) => this.#run(lane)), this.#strays()])
  }

  wake(): void {
    for (const lane of this.#lanes) {
      lane.woken = true
      lane.wake.abort()
    }
  }

  status(): readonly ReceiverStatus[] {
    return this.#lanes.map(({ spec, pending, delivered, failures, undelivered, lastError }) => ({
      receiver: spec.name,
      pending,
      delivered,
      failures,
      undelivered,
      lastError,
    }))
  }

  /** What is under way is cut off and stays in the outbox. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#loops
  }

  async #run(lane: Lane): Promise<void> {
    const { clock, log, random = Math.random, backoff = BACKOFF } = this.#options
    while (!this.#stop.signal.aborted) {
      lane.woken = false
      let waitMs = IDLE_MS
      try {
        if (await this.#step(lane)) continue
      } catch (error) {
        if (this.#stop.signal.aborted) return
        lane.failures++
        lane.failedInRow++
        lane.lastError = messageOf(error)
        waitMs = backoffMs(lane.failedInRow, random(), backoff)
        log.warn(
          { err: error, receiver: lane.spec.name, retryInMs: waitMs },
          'a message could not be delivered; it stays in the outbox',
        )
        // New messages do not shorten the wait for a receiver that is down.
        await clock.sleep(waitMs, this.#stop.signal)
        continue
      }
      if (lane.woken) continue
      lane.wake = new AbortController()
      await clock.sleep(waitMs, AbortSignal.any([this.#stop.signal, lane.wake.signal]))
    }
  }

  /** Delivers the next message, or a pile as one. False: nothing is waiting. */
  async #step(lane: Lane): Promise<boolean> {
    const { state, clock, digestFrom = 10, timeoutMs = 30_000 } = this.#options
    const facts = await state.list(OUTBOX, { prefix: outboxPrefix(lane.spec.name), limit: MAX_DIGEST })
    lane.pending = facts.length
    const first = facts[0]
    if (first === undefined) return false
    const decoded = facts.map(({ id, value }) => ({ id, notification: tryDecodeNotification(value) }))
    const broken = decoded.filter(({ notification }) => notification === undefined)
    if (broken.length > 0) {
      await this.#putAside(
        lane,
        broken.map(({ id }) => id),
        'it is no message',
        facts,
      )
      return true
    }
    const piled = facts.length >= digestFrom ? decoded : decoded.slice(0, 1)
    const messages = piled.flatMap(({ notification }) => notification ?? [])
    const message = messages.length === 1 ? messages[0]! : digestOf(messages)
    const done = new AbortController()
    const deadline = AbortSignal.any([this.#stop.signal, deadlineOf(clock, timeoutMs, done.signal, lane.spec.name)])
    try {
      await lane.deliver(message, deadline)
    } catch (error) {
      if (this.#stop.signal.aborted || !(error instanceof DeliveryError) || !error.permanent) throw error
      if (++lane.refusals < MAX_REFUSALS) throw error
      await this.#putAside(
        lane,
        piled.map(({ id }) => id),
        messageOf(error),
        facts,
      )
      lane.lastError = messageOf(error)
      return true
    } finally {
      done.abort()
    }
    await state.write([
      ...piled.map(({ id }): Write => ({ kind: 'delete', collection: OUTBOX, id })),
      {
        kind: 'audit',
        at: clock.now(),
        entry: {
          kind: 'delivered',
          receiver: lane.spec.name,
          message: message.id,
          subject: message.subject,
          count: piled.length,
        },
      },
    ])
    lane.delivered += piled.length
    lane.pending -= piled.length
    lane.failedInRow = 0
    lane.refusals = 0
    lane.lastError = ''
    return true
  }

  async #putAside(
    lane: Pick<Lane, 'undelivered' | 'refusals' | 'spec'>,
    ids: readonly string[],
    reason: string,
    facts: readonly Fact[],
  ): Promise<void> {
    const { state, clock, log } = this.#options
    const gone = facts.filter(({ id }) => ids.includes(id))
    await state.write([
      ...gone.flatMap(({ id, value }): Write[] => [
        { kind: 'delete', collection: OUTBOX, id },
        { kind: 'put', collection: UNDELIVERED, id, value: { reason, at: clock.now(), message: value } },
      ]),
      { kind: 'audit', at: clock.now(), entry: { kind: 'undelivered', receiver: lane.spec.name, ids, reason } },
    ])
    lane.undelivered += ids.length
    lane.refusals = 0
    log.error(
      { receiver: lane.spec.name, count: ids.length, reason },
      'messages were refused for good and are put aside',
    )
  }

  /** Messages for receivers that the definition no longer has are put aside at start, and said. */
  async #strays(): Promise<void> {
    const { state, log } = this.#options
    try {
      const prefixes = this.#lanes.map(({ spec }) => outboxPrefix(spec.name))
      const facts = (await state.list(OUTBOX)).filter(({ id }) => !prefixes.some((prefix) => id.startsWith(prefix)))
      const byReceiver = Map.groupBy(facts, ({ id }) => decodeURIComponent(id.split('/')[0] ?? ''))
      for (const [name, gone] of byReceiver) {
        const spec: ReceiverSpec = { kind: 'webhook', name, url: '' }
        await this.#putAside(
          { undelivered: 0, refusals: 0, spec },
          gone.map(({ id }) => id),
          `there is no receiver ${name}`,
          gone,
        )
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) log.error({ err: error }, 'the outbox could not be looked through')
    }
  }
}

/** Many messages as one: each subject on a line, then the bodies. */
export function digestOf(messages: readonly Notification[]): Notification {
  const first = messages[0]!
  const id = createHash('sha256')
    .update(JSON.stringify(messages.map((one) => one.id)))
    .digest('hex')
    .slice(0, 12)
  const prefix = /^\[[^\]]*\] /.exec(first.subject)?.[0] ?? ''
  const rest = messages.map(({ subject }) => (subject.startsWith(prefix) ? subject.slice(prefix.length) : subject))
  const bodies = messages.slice(0, 20).map(({ subject, body }) => `${'-'.repeat(60)}\n${subject}\n\n${body}`)
  const more =
    messages.length > 20 ? [`The bodies of ${messages.length - 20} more are left out; each is on its incident.\n`] : []
  return {
    id,
    receiver: first.receiver,
    subject: `${prefix}${messages.length} messages: ${rest[0]}, ...`,
    body: [
      `${messages.length} messages came at once.\n\n${rest.map((line) => `  ${line}`).join('\n')}\n`,
      ...bodies,
      ...more,
    ].join('\n'),
    details: { kind: 'digest', count: String(messages.length) },
  }
}

function deadlineOf(clock: Clock, ms: number, done: AbortSignal, receiver: string): AbortSignal {
  const over = new AbortController()
  void clock.sleep(ms, done).then(() => {
    if (!done.aborted) {
      over.abort(new AssayError('ASSAY_ALERTING_TIMEOUT', `${receiver} did not take the message within ${ms} ms`))
    }
  })
  return over.signal
}
