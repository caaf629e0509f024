/** The price path: material from the database, model from the storage or from its measures, then the slicing. */
import type pg from 'pg'
import { Unreadable } from '../base/broker.ts'
import type { Models } from '../base/models.ts'
import { type Mesh, meshOf, parseStl, type Shape } from './mesh.ts'
import { type Material, type Price, priceOf, slice } from './slicing.ts'

export type PriceRequest = {
  readonly material: string
  readonly quantity: number
  readonly model: { readonly key: string } | { readonly shape: Shape }
}

export interface Pricing {
  /** Rejects with `Unreadable` when the request can never be priced: its message says why. */
  price(request: PriceRequest): Promise<Price>
}

/** `work`: see slicing.ts. */
export function pricing({
  pool,
  models,
  work,
}: {
  readonly pool: pg.Pool
  readonly models: Models
  readonly work: number
}): Pricing {
  const materialOf = async (name: string): Promise<Material> => {
    const { rows } = await pool.query<{ grams: number; kg: number; hour: number }>(
      'select grams_per_cm3 as grams, cents_per_kg as kg, cents_per_hour as hour from materials where name = $1',
      [name],
    )
    const row = rows[0]
    if (row === undefined) throw new Unreadable(`there is no material ${JSON.stringify(name)}`)
    return { gramsPerCm3: row.grams, centsPerKg: row.kg, centsPerHour: row.hour }
  }
  const meshFor = async (model: PriceRequest['model']): Promise<Mesh> => {
    if ('shape' in model) return meshOf(model.shape)
    const bytes = await models.get(model.key)
    if (bytes === undefined) throw new Unreadable(`there is no model ${JSON.stringify(model.key)}`)
    try {
      return parseStl(bytes)
    } catch (cause) {
      throw new Unreadable(cause instanceof Error ? cause.message : 'the model cannot be read', { cause })
    }
  }
  return {
    async price({ material, quantity, model }) {
      const [found, mesh] = await Promise.all([materialOf(material), meshFor(model)])
      return priceOf(slice(mesh, work), found, quantity)
    },
  }
}

/** A price request from outside; throws a sentence that says what is missing. */
export function parsePriceRequest(value: unknown): PriceRequest {
  const body = record(value, 'the body')
  const material = body['material']
  const quantity = body['quantity']
  if (typeof material !== 'string') throw new Error('material must be a name, as in "pla"')
  if (!Number.isInteger(quantity) || Number(quantity) < 1 || Number(quantity) > 10_000)
    throw new Error('quantity must be a whole number from 1 to 10000')
  const model = record(body['model'], 'model')
  if (typeof model['key'] === 'string') return { material, quantity: Number(quantity), model: { key: model['key'] } }
  const shape = record(model['shape'], 'model.shape')
  const millimetres = (name: string, least: number, most: number) => {
    const size = shape[name]
    if (typeof size !== 'number' || !(size >= least && size <= most))
      throw new Error(`model.shape.${name} must be a number from ${least} to ${most}`)
    return size
  }
  return {
    material,
    quantity: Number(quantity),
    model: {
      shape: {
        width: millimetres('width', 1, 1000),
        depth: millimetres('depth', 1, 1000),
        height: millimetres('height', 1, 1000),
        twist: millimetres('twist', -720, 720),
      },
    },
  }
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`${name} must be an object`)
  return value as Readonly<Record<string, unknown>>
}
