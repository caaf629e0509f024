/**
 * RabbitMQ through `amqplib`, promises and callbacks: what was sent and confirmed, what was consumed and settled, what is open.
 *
 * - On a plain channel a message counts as sent when it is written; on a confirm channel when the broker confirms it, with
 *   `error_type="nack"` when it refuses, with `"closed"` when the channel dies first and nobody knows. In between it is unconfirmed.
 *   So nothing is told as sent that may be lost.
 * - Confirmations are read from the channel's own events. No callback is given to `publish` that the application has not given:
 *   amqplib up to 2.2.0 tells `waitForConfirms` other things when there are callbacks.
 * - A delivery is in flight until it is acked, nacked or rejected, or its channel is gone (the broker then delivers it again).
 * - The destination of a sent message is the exchange, or for the default exchange the queue; of a consumed one the queue.
 */
import type { Guard } from '../guard.ts'
import { add, type Store } from '../store/index.ts'
import { Destinations } from './amqplib-destinations.ts'
import { InFlight, Unconfirmed } from './amqplib-windows.ts'
import { errorType } from './error-type.ts'
import { type Patch, patchMethod, peek } from './require-hook.ts'

const PART = 'amqplib'
type Method = (this: object, ...given: unknown[]) => unknown

/** What is known of a channel, from its first use until it closes. */
type ChannelState = { readonly sent: Unconfirmed; readonly deliveries: InFlight }

export function amqplibPatch(store: Store, guard: Guard): Patch {
  const destinations = new Destinations(store)
  const lost = store.family({
    name: 'messaging_client_connections_lost_total',
    help: 'Connections to the broker that ended without having been closed by the application.',
    kind: 'counter',
  })
  const states = new WeakMap<object, ChannelState>()
  const connections = new WeakSet<object>()

  const onClosed = guard.wrap(PART, (cause: unknown) => {
    if (cause === undefined || cause === null) return
    add(
      lost.series([
        ['messaging_system', 'rabbitmq'],
        ['error_type', lossOf(cause)],
      ]),
      1,
    )
  })
  const onReturned = guard.wrap(PART, (message: unknown) => {
    const fields = peek(message, 'fields')
    const reason = String(peek(fields, 'replyText') ?? '')
    destinations
      .sentTo(peek(fields, 'exchange'), peek(fields, 'routingKey'))
      .returned(/^[A-Z_]{1,40}$/.test(reason) ? reason : '_OTHER')
  })

  function stateOf(channel: object): ChannelState {
    const known = states.get(channel)
    if (known !== undefined) return known
    const state: ChannelState = { sent: new Unconfirmed(channel), deliveries: new InFlight() }
    states.set(channel, state)
    listen(channel, 'return', onReturned)
    const settle = guard.wrap(PART, (outcome: '' | 'nack', fields: unknown) => {
      state.sent.settle(Number(peek(fields, 'deliveryTag')), peek(fields, 'multiple') === true, outcome)
    })
    listen(channel, 'ack', (fields) => settle('', fields))
    listen(channel, 'nack', (fields) => settle('nack', fields))
    listen(
      channel,
      'close',
      guard.wrap(PART, () => {
        state.sent.close()
        state.deliveries.forget()
      }),
    )
    const connection = peek(channel, 'connection')
    if (typeof connection === 'object' && connection !== null && !connections.has(connection)) {
      connections.add(connection)
      listen(connection, 'close', onClosed)
    }
    return state
  }

  const written = guard.wrap(PART, (channel: object, exchange: unknown, key: unknown, confirming: boolean) => {
    const destination = destinations.sentTo(exchange, key)
    const { sent } = stateOf(channel)
    if (!confirming) destination.sent('')
    else if (!sent.add(destination)) guard.stepAside(PART, 'a confirm channel without the window of amqplib')
  })
  const delivered = guard.wrap(PART, (channel: object, queue: string, message: unknown, noAck: boolean) => {
    const fields = peek(message, 'fields')
    const from = destinations.consumedFrom(queue)
    from.delivered(peek(fields, 'redelivered') === true)
    const tag = peek(fields, 'deliveryTag')
    if (!noAck && typeof tag === 'number') stateOf(channel).deliveries.add(tag, from)
  })
  const settled = guard.wrap(PART, (channel: object, how: Settlement, given: readonly unknown[]) => {
    const { deliveries } = stateOf(channel)
    const isAll = how.method.endsWith('All')
    const requeue = isAll ? given[0] : given[how.requeueAt]
    // Left out, it is true: amqplib's own default.
    const outcome = how.operation === 'ack' ? '' : requeue === undefined || requeue === true ? 'requeue' : 'drop'
    if (isAll) deliveries.settleAll(how.operation, outcome)
    else {
      const tag = peek(peek(given[0], 'fields'), 'deliveryTag')
      if (typeof tag === 'number') deliveries.settle(tag, how.hasUpTo && given[1] === true, how.operation, outcome)
    }
  })
  const recovered = guard.wrap(PART, (channel: object) => states.get(channel)?.deliveries.forget())

  /** ConfirmChannel.publish ends in Channel.publish: there the broker's answer counts, not the writing. */
  let confirming: object | undefined
  const publishConfirmed = (original: Method): Method =>
    function publish(...given) {
      const before = confirming
      confirming = this
      let result: unknown
      try {
        result = original.apply(this, given)
      } finally {
        confirming = before
      }
      written(this, given[0], given[1], true)
      return result
    }
  const publishPlain = (original: Method): Method =>
    function publish(...given) {
      const result = original.apply(this, given)
      if (confirming !== this) written(this, given[0], given[1], false)
      return result
    }
  const consume = (original: Method): Method =>
    function consume(...given) {
      const [queue, callback, options] = given
      if (typeof callback !== 'function') return original.apply(this, given)
      const noAck = peek(options, 'noAck') === true
      const name = String(queue)
      const channel = this
      const counting = function (this: unknown, ...message: unknown[]): unknown {
        if (message[0] !== null) delivered(channel, name, message[0], noAck)
        return callback.apply(this, message)
      }
      return original.call(this, queue, counting, ...given.slice(2))
    }
  const getOne = (original: Method): Method =>
    function get(...given) {
      const noAck = peek(given[1], 'noAck') === true
      const name = String(given[0])
      const see = (message: unknown): void => {
        if (typeof message === 'object' && message !== null) delivered(this, name, message, noAck)
      }
      const callback = given[2]
      if (typeof callback === 'function') {
        const counting = function (this: unknown, ...answer: unknown[]): unknown {
          see(answer[1])
          return callback.apply(this, answer)
        }
        return original.call(this, given[0], given[1], counting, ...given.slice(3))
      }
      const answer = original.apply(this, given)
      if (!(answer instanceof Promise)) return answer
      return answer.then((message: unknown) => {
        see(message)
        return message
      })
    }
  const settle =
    (how: Settlement) =>
    (original: Method): Method =>
      function settle(...given) {
        // When it throws, the channel is gone, and so is the delivery.
        const result = original.apply(this, given)
        settled(this, how, given)
        return result
      }
  const recover = (original: Method): Method =>
    function recover(...given) {
      const result = original.apply(this, given)
      recovered(this)
      return result
    }

  return ({ id, parentFilename, exports }) => {
    if (!/^\.\/lib\/(?:channel|callback)_model$/.test(id) || !parentFilename.includes('/amqplib/')) return
    const channel = peek(peek(exports, 'Channel'), 'prototype') as object | undefined
    const confirm = peek(peek(exports, 'ConfirmChannel'), 'prototype') as object | undefined
    const patches: readonly (readonly [
      holder: object | undefined,
      method: string,
      around: (original: Method) => Method,
    ])[] = [
      [confirm, 'publish', publishConfirmed],
      [channel, 'publish', publishPlain],
      [channel, 'consume', consume],
      [channel, 'get', getOne],
      [channel, 'recover', recover],
      ...SETTLEMENTS.map((how) => [channel, how.method, settle(how)] as const),
    ]
    for (const [holder, method, around] of patches) {
      if (!patchMethod(holder, method, around)) guard.stepAside(PART, `${method} of a channel cannot be wrapped`)
    }
  }
}

type Settlement = {
  readonly method: string
  readonly operation: 'ack' | 'nack' | 'reject'
  readonly hasUpTo: boolean
  readonly requeueAt: number
}

/** The ways a consumer settles a delivery, with where each has its arguments. */
const SETTLEMENTS: readonly Settlement[] = [
  { method: 'ack', operation: 'ack', hasUpTo: true, requeueAt: -1 },
  { method: 'ackAll', operation: 'ack', hasUpTo: false, requeueAt: -1 },
  { method: 'nack', operation: 'nack', hasUpTo: true, requeueAt: 2 },
  { method: 'nackAll', operation: 'nack', hasUpTo: false, requeueAt: 0 },
  { method: 'reject', operation: 'reject', hasUpTo: false, requeueAt: 1 },
]

function listen(emitter: object, event: string, listener: (given: unknown) => void): void {
  const on: unknown = peek(emitter, 'on')
  if (typeof on === 'function') on.call(emitter, event, listener)
}

/** AMQP's reply code, or what amqplib says of a silent end. */
function lossOf(cause: unknown): string {
  const code = peek(cause, 'code')
  if (typeof code === 'number') return String(code)
  const message = String(peek(cause, 'message') ?? '')
  if (/heartbeat/i.test(message)) return 'heartbeat'
  return /unexpected close/i.test(message) ? 'unexpected_close' : errorType(cause)
}
