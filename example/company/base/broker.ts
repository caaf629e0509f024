/**
 * RabbitMQ for a service: one connection that comes back by itself, confirmed publishing, consumers that survive it.
 *
 * - `publish` resolves only when the broker has confirmed; what is not confirmed is rejected, and stays in the outbox.
 * - A handler that throws `Unreadable` sends its message to the dead-letter exchange; any other error requeues it.
 * - The topology is declared by every service at every connection: declaring what is there is no change.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib'
import { log } from './log.ts'

/** A message that no retry can help. */
export class Unreadable extends Error {}

export type Delivery = { readonly key: string; readonly body: unknown; readonly raw: ConsumeMessage }

export interface Broker extends AsyncDisposable {
  /** Rejects when there is no connection, or when the broker refuses or loses the message. */
  publish(key: string, body: unknown, id: string): Promise<void>
  /** Registers before or after the connection; begins again after each reconnection. */
  consume(queue: string, prefetch: number, handle: (delivery: Delivery) => Promise<void>): void
}

export const EXCHANGE = 'orders'
const DEAD_EXCHANGE = 'orders.dlx'
export const DEAD_QUEUE = 'orders.dead'
/** Requeueing at once would spin through a failure that lasts. */
const RETRY_AFTER_MS = 1000

async function declareTopology(channel: ConfirmChannel): Promise<void> {
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true })
  await channel.assertExchange(DEAD_EXCHANGE, 'fanout', { durable: true })
  await channel.assertQueue(DEAD_QUEUE, { durable: true, maxLength: 10_000 })
  await channel.bindQueue(DEAD_QUEUE, DEAD_EXCHANGE, '')
  await channel.assertQueue('mes.orders', { durable: true, deadLetterExchange: DEAD_EXCHANGE })
  await channel.bindQueue('mes.orders', EXCHANGE, 'order.placed')
  await channel.assertQueue('shop.orders', { durable: true, maxLength: 100_000 })
  await channel.bindQueue('shop.orders', EXCHANGE, 'order.priced')
  await channel.assertQueue('crm.orders', { durable: true, maxLength: 100_000 })
  await channel.bindQueue('crm.orders', EXCHANGE, 'order.*')
}

export function openBroker(url: string, name: string): Broker {
  const closing = new AbortController()
  const consumers: { queue: string; prefetch: number; handle: (delivery: Delivery) => Promise<void> }[] = []
  let connection: ChannelModel | undefined
  let publisher: ConfirmChannel | undefined

  const begin = async (model: ChannelModel, { queue, prefetch, handle }: (typeof consumers)[number]) => {
    const channel = await model.createChannel()
    channel.on('error', (err) => log('warn', 'a broker channel failed', { err, queue }))
    await channel.prefetch(prefetch)
    const settle = (act: () => void) => {
      // A channel that closed meanwhile has given the message back already.
      try {
        act()
      } catch (err) {
        log('warn', 'a message could not be settled; the broker will deliver it again', { err, queue })
      }
    }
    await channel.consume(queue, (raw) => {
      if (raw === null) return
      void (async () => {
        try {
          await handle({ key: raw.fields.routingKey, body: parseBody(raw.content), raw })
          settle(() => channel.ack(raw))
        } catch (err) {
          if (err instanceof Unreadable) {
            log('warn', 'a message was refused for good', { err, queue })
            settle(() => channel.nack(raw, false, false))
            return
          }
          log('warn', 'a message could not be handled; it goes back', { err, queue })
          await sleep(RETRY_AFTER_MS, undefined, { signal: closing.signal }).catch(() => {})
          settle(() => channel.nack(raw, false, true))
        }
      })()
    })
  }

  const keepConnected = async () => {
    for (let waitMs = 200; !closing.signal.aborted; waitMs = Math.min(waitMs * 2, 2000)) {
      try {
        const model = await connect(`${url}?heartbeat=10`, {
          clientProperties: { connection_name: name },
          timeout: 3000,
        })
        const ended = new Promise<void>((resolve) => model.once('close', () => resolve()))
        model.on('error', (err: unknown) => log('warn', 'the broker connection failed', { err }))
        const channel = await model.createConfirmChannel()
        channel.on('error', (err) => log('warn', 'the publishing channel failed', { err }))
        await declareTopology(channel)
        connection = model
        publisher = channel
        for (const consumer of consumers) await begin(model, consumer)
        log('info', 'connected to the broker')
        waitMs = 100
        await ended
      } catch (err) {
        if (!closing.signal.aborted) log('warn', 'the broker is not ready; trying again', { err, waitMs })
      }
      connection = undefined
      publisher = undefined
      await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const running = keepConnected()

  return {
    publish: (key, body, id) =>
      new Promise((resolve, reject) => {
        if (publisher === undefined) return reject(new Error('there is no connection to the broker'))
        const content = Buffer.from(JSON.stringify(body))
        const options = { persistent: true, contentType: 'application/json', messageId: id }
        const lost = setTimeout(() => reject(new Error('the broker did not confirm within 5 s')), 5000)
        publisher.publish(EXCHANGE, key, content, options, (err: unknown) => {
          clearTimeout(lost)
          if (err === null || err === undefined) resolve()
          else reject(err instanceof Error ? err : new Error('the broker refused the message'))
        })
      }),
    consume(queue, prefetch, handle) {
      const consumer = { queue, prefetch, handle }
      consumers.push(consumer)
      if (connection !== undefined) void begin(connection, consumer)
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      await connection?.close().catch(() => {})
      await running
    },
  }
}

function parseBody(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    return undefined
  }
}
