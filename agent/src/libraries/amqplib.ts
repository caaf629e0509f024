/**
 * RabbitMQ through `amqplib`: what was sent, what was consumed, and what the broker has not yet confirmed.
 *
 * - On a plain channel a message counts as sent when it is written; on a confirm channel when the broker confirms it, or with
 *   `error_type="nack"` when it refuses or the channel closes first. In between it is unconfirmed. So nothing is told as sent that may be lost.
 * - The destination is the exchange, or for the default exchange the queue (its routing key). Bounded by the family's limit.
 */
import type { Guard } from '../guard.ts'
import { add, type Store, set } from '../store/index.ts'
import { type Patch, patchMethod, peek } from './require-hook.ts'

const MAX_CHANNELS = 1_024
const SYSTEM = ['messaging_system', 'rabbitmq'] as const

export function amqplibPatch(store: Store, guard: Guard): Patch {
  const sent = store.family({
    name: 'messaging_client_sent_messages_total',
    help: 'Messages given to the broker; on confirm channels, confirmed by it.',
    kind: 'counter',
  })
  const consumed = store.family({
    name: 'messaging_client_consumed_messages_total',
    help: 'Messages the broker has delivered to this process.',
    kind: 'counter',
  })
  const unconfirmed = store.family({
    name: 'messaging_client_unconfirmed_messages',
    help: 'Messages sent on confirm channels that the broker has not yet confirmed.',
    kind: 'gauge',
  })
  const channels = new Set<WeakRef<object>>()
  const seen = new WeakSet<object>()

  const count = guard.wrap('amqplib', (destination: string, errorType: string) => {
    add(sent.series([SYSTEM, ['messaging_destination_name', destination], ['error_type', errorType]]), 1)
  })
  const deliver = guard.wrap('amqplib', (queue: string) => {
    add(consumed.series([SYSTEM, ['messaging_destination_name', queue]]), 1)
  })
  const see = guard.wrap('amqplib', (channel: object) => {
    if (seen.has(channel)) return
    seen.add(channel)
    if (channels.size >= MAX_CHANNELS) return
    channels.add(new WeakRef(channel))
    unconfirmed.series([SYSTEM])
  })
  store.collectors.push(() => {
    let waiting = 0
    for (const ref of channels) {
      const list = peek(ref.deref(), 'unconfirmed')
      if (!Array.isArray(list)) channels.delete(ref)
      else for (const one of list) if (one !== null) waiting++
    }
    if (unconfirmed.size > 0) set(unconfirmed.series([SYSTEM]), waiting)
  })

  const publish = (confirming: boolean) => (original: (this: object, ...given: unknown[]) => unknown) =>
    function publish(this: object, ...given: unknown[]): unknown {
      const destination = String(given[0] || given[1] || '')
      if (!confirming) {
        const written = original.apply(this, given)
        // ConfirmChannel.publish ends in Channel.publish: there the broker's answer counts, not the writing.
        if (!seen.has(this)) count(destination, '')
        return written
      }
      see(this)
      const callback = typeof given[4] === 'function' ? (given[4] as (...answer: unknown[]) => unknown) : undefined
      const confirmed = function (this: unknown, ...answer: unknown[]): unknown {
        count(destination, answer[0] === null || answer[0] === undefined ? '' : 'nack')
        return callback?.apply(this, answer)
      }
      return original.call(this, given[0], given[1], given[2], given[3], confirmed)
    }
  const consume = (original: (this: object, ...given: unknown[]) => unknown) =>
    function consume(this: object, ...given: unknown[]): unknown {
      const [queue, callback] = given
      if (typeof callback !== 'function') return original.apply(this, given)
      const counting = function (this: unknown, ...message: unknown[]): unknown {
        if (message[0] !== null) deliver(String(queue))
        return callback.apply(this, message)
      }
      return original.apply(this, given.with(1, counting))
    }

  return ({ id, parentFilename, exports }) => {
    if (!/^\.\/lib\/(?:channel|callback)_model$/.test(id) || !parentFilename.includes('/amqplib/')) return
    const channel = peek(peek(exports, 'Channel'), 'prototype') as object | undefined
    const confirm = peek(peek(exports, 'ConfirmChannel'), 'prototype') as object | undefined
    patchMethod<object>(confirm, 'publish', publish(true))
    patchMethod<object>(channel, 'publish', publish(false))
    patchMethod<object>(channel, 'consume', consume)
  }
}
