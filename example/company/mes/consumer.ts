/**
 * Orders from the shop become jobs: priced, planned, and the shop is told.
 *
 * - At least once: a job that is there already is told again, never made again.
 * - `consumer-stuck`: the handler waits for something that does not come, and holds its messages, as a lock in production would.
 */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { type Broker, Unreadable } from '../base/broker.ts'
import type { Faults } from '../base/faults.ts'
import { type Pricing, parsePriceRequest } from './pricing.ts'

const PREFETCH = 8

type Deps = {
  readonly pool: pg.Pool
  readonly broker: Broker
  readonly pricing: Pricing
  readonly faults: Faults
  readonly signal: AbortSignal
}

export function consumeOrders({ pool, broker, pricing, faults, signal }: Deps): void {
  broker.consume('mes.orders', PREFETCH, async ({ body }) => {
    if (faults.on('consumer-stuck')) await faults.cleared('consumer-stuck', signal)
    const order = readOrder(body)
    const { cents, minutes } = await pricing.price(order.request)
    await pool.query('insert into jobs (order_id, cents, minutes) values ($1, $2, $3) on conflict do nothing', [
      order.id,
      cents,
      minutes,
    ])
    await broker.publish('order.priced', { id: order.id, customer: order.customer, cents, minutes }, randomUUID())
  })
}

function readOrder(body: unknown) {
  const order = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>
  const { id, customer } = order
  if (typeof id !== 'string' || typeof customer !== 'number') throw new Unreadable('the message is not an order')
  try {
    return { id, customer, request: parsePriceRequest(order) }
  } catch (cause) {
    throw new Unreadable(cause instanceof Error ? cause.message : 'the order cannot be read', { cause })
  }
}
