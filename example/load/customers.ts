/** Customers: they look around, log in, ask for quotes, and some order with a model of their own. Robots and thieves come the same way. */
import { setTimeout as sleep } from 'node:timers/promises'
import { formatStl, meshOf } from '../company/mes/mesh.ts'
import { CUSTOMERS, DEMO_PASSWORD, PRODUCTS } from '../company/shop/schema.ts'
import { call } from './client.ts'

const ADDRESSES = 60

export type Shop = { readonly url: string; readonly random: () => number; readonly signal: AbortSignal }

/** Sessions of customers who are known already, by number. Bounded by the number of customers. */
const sessions = new Map<number, string>()

/** One visit, with the pauses in which a person reads. `brokenModels`: uploads are cut off. */
export async function visit({ url, random, signal }: Shop, brokenModels: boolean): Promise<void> {
  const customer = 1 + Math.floor(random() ** 1.5 * CUSTOMERS)
  const from = `127.0.3.${1 + (customer % ADDRESSES)}`
  const product = 1 + Math.floor(random() ** 2 * PRODUCTS)
  const read = () => sleep(200 + random() * 1500, undefined, { signal })
  await call({ url: `${url}/catalogue?page=${Math.floor(product / 24)}`, from })
  await read()
  await call({ url: `${url}/catalogue/${product}`, from })
  if (!brokenModels && random() < 0.4) return
  await read()
  const cookie = await sessionOf({ url, random, signal }, customer, from)
  if (cookie === undefined) return
  const headers = { cookie }
  if (random() < 0.6)
    await call({
      method: 'POST',
      url: `${url}/quotes`,
      headers,
      body: { product, quantity: 1 + Math.floor(random() * 20) },
      from,
    })
  if (brokenModels || random() < 0.35) {
    await read()
    const model = await upload(url, headers, from, random, brokenModels)
    await call({
      method: 'POST',
      url: `${url}/orders`,
      headers,
      body: { product, quantity: 1 + Math.floor(random() * 5), model },
      from,
    })
  }
  await read()
  const { status } = await call({ url: `${url}/orders`, headers, from })
  if (status === 401) sessions.delete(customer)
}

/** A thief tries the passwords of other shops on ours: all fail. */
export async function tryStolenPassword({ url, random }: Shop): Promise<void> {
  const email = `customer${1 + Math.floor(random() * CUSTOMERS)}@example.test`
  await call({
    method: 'POST',
    url: `${url}/login`,
    body: { email, password: `stolen-${Math.floor(random() * 1e9)}` },
    from: '127.0.9.66',
  })
}

let scraped = 0
/** A robot reads product after product. */
export async function scrapeNext({ url }: Shop): Promise<void> {
  scraped = (scraped % PRODUCTS) + 1
  await call({ url: `${url}/catalogue/${scraped}`, headers: { 'user-agent': 'price-robot/1.0' }, from: '127.0.9.77' })
}

async function sessionOf({ url }: Shop, customer: number, from: string): Promise<string | undefined> {
  const known = sessions.get(customer)
  if (known !== undefined) return known
  const body = { email: `customer${customer}@example.test`, password: DEMO_PASSWORD }
  const { status, headers } = await call({ method: 'POST', url: `${url}/login`, body, from })
  const cookie = status === 200 ? headers['set-cookie']?.[0]?.split(';')[0] : undefined
  if (cookie !== undefined) sessions.set(customer, cookie)
  return cookie
}

async function upload(url: string, headers: { cookie: string }, from: string, random: () => number, broken: boolean) {
  const size = () => 10 + random() * 60
  const whole = formatStl(meshOf({ width: size(), depth: size(), height: size(), twist: random() * 90 }))
  const body = broken ? whole.subarray(0, Math.floor(whole.length / 2)) : whole
  const answer = await call({ method: 'POST', url: `${url}/models`, headers, body, from })
  return (answer.body as { readonly key?: string } | undefined)?.key
}
