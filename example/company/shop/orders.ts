/** Orders: placed together with their outbox row, priced when the MES says so. */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { type Broker, Unreadable } from '../base/broker.ts'

export type NewOrder = {
  readonly customer: number
  readonly product: number
  readonly quantity: number
  readonly modelKey: string | undefined
}

type Product = { readonly material: string; readonly width: number; readonly depth: number; readonly height: number }

/** What the MES needs to know to price `quantity` pieces of a product, or of the customer's own model in its material. */
export function priceRequestOf(product: Product, quantity: number, modelKey: string | undefined) {
  const { material, width, depth, height } = product
  return {
    material,
    quantity,
    model: modelKey === undefined ? { shape: { width, depth, height, twist: 30 } } : { key: modelKey },
  }
}

export async function productOf(pool: pg.Pool, id: number): Promise<Product | undefined> {
  const { rows } = await pool.query<Product>('select material, width, depth, height from products where id = $1', [id])
  return rows[0]
}

/** The order's id, or `undefined` when there is no such product. */
export async function placeOrder(
  pool: pg.Pool,
  { customer, product, quantity, modelKey }: NewOrder,
): Promise<string | undefined> {
  const found = await productOf(pool, product)
  if (found === undefined) return undefined
  const id = randomUUID()
  const message = { id, customer, ...priceRequestOf(found, quantity, modelKey) }
  // One statement, so one transaction: the order and its message are there together or not at all.
  await pool.query(
    `with placed as (
       insert into orders (id, customer_id, product_id, quantity, model_key) values ($1, $2, $3, $4, $5)
     )
     insert into outbox (id, routing_key, body) values ($6, 'order.placed', $7)`,
    [id, customer, product, quantity, modelKey ?? null, randomUUID(), message],
  )
  return id
}

/** Prices that the MES tells enter the orders. */
export function consumePrices(pool: pg.Pool, broker: Broker): void {
  broker.consume('shop.orders', 20, async ({ body }) => {
    const { id, cents } = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>
    if (typeof id !== 'string' || typeof cents !== 'number') throw new Unreadable('the message is not a price')
    await pool.query("update orders set status = 'priced', cents = $2, priced_at = now() where id = $1", [id, cents])
  })
}
