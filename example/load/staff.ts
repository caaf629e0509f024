/** Staff: they search for customers, look at them, and write notes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CUSTOMERS } from '../company/shop/schema.ts'
import { call } from './client.ts'

const STAFF = 14

/** Tokens of those who have logged in, by number. */
const tokens = new Map<number, string>()

/** One piece of work at the CRM. */
export async function work({
  url,
  random,
  signal,
}: {
  readonly url: string
  readonly random: () => number
  readonly signal: AbortSignal
}): Promise<void> {
  const who = Math.floor(random() * STAFF)
  const from = `127.0.4.${1 + who}`
  const read = () => sleep(150 + random() * 600, undefined, { signal })
  let token = tokens.get(who)
  if (token === undefined) {
    const { status, body } = await call({ method: 'POST', url: `${url}/login`, body: { name: `staff${who}` }, from })
    token = status === 200 ? (body as { readonly token: string }).token : undefined
    if (token === undefined) return
    tokens.set(who, token)
  }
  const headers = { authorization: `Bearer ${token}` }
  const customer = () => 1 + Math.floor(random() * CUSTOMERS)
  const { status } = await call({ url: `${url}/customers?search=${customer()}`, headers, from })
  if (status === 401) tokens.delete(who)
  for (let i = 0; i < 2; i++) {
    await read()
    await call({ url: `${url}/customers/${customer()}`, headers, from })
  }
  await read()
  if (random() < 0.3)
    await call({
      method: 'POST',
      url: `${url}/customers/${customer()}/notes`,
      headers,
      body: { text: 'called back' },
      from,
    })
  else if (random() < 0.4) await call({ url: `${url}/orders`, headers, from })
}
