/** Partners: programs of other companies that ask the MES for prices, each with its API key and from its own address. */
import { call } from './client.ts'

const MATERIALS = ['pla', 'petg', 'nylon', 'steel'] as const

/** One price. */
export async function askPrice({
  url,
  keys,
  random,
}: {
  readonly url: string
  readonly keys: readonly string[]
  readonly random: () => number
}): Promise<void> {
  const partner = Math.floor(random() * keys.length)
  const size = () => Math.round(10 + random() * 80)
  await call({
    method: 'POST',
    url: `${url}/price`,
    headers: { 'x-api-key': keys[partner] },
    body: {
      material: MATERIALS[Math.floor(random() * MATERIALS.length)],
      quantity: 1 + Math.floor(random() * 50),
      model: { shape: { width: size(), depth: size(), height: size(), twist: Math.round(random() * 90) } },
    },
    from: `127.0.2.${1 + partner}`,
    // A connection for each price: a process that was added gets its share of them at once.
    alone: true,
  })
}
