/**
 * The internet shop (Fastify): catalogue, login, quotes from the MES, orders with a 3D model.
 *
 * A session is a signed cookie; orders leave through the outbox and come back priced through the broker.
 */
import { randomUUID } from 'node:crypto'
import { identify, outboxPending } from '@assay/agent'
import Fastify, { type FastifyRequest } from 'fastify'
import { openBroker } from '../base/broker.ts'
import { openDatabase, prepareSchema } from '../base/database.ts'
import { watchFaults } from '../base/faults.ts'
import { live } from '../base/lifecycle.ts'
import { log } from '../base/log.ts'
import { MAX_MODEL_BYTES, openModels } from '../base/models.ts'
import { numberSetting, setting } from '../base/settings.ts'
import { signToken, tryReadToken } from '../base/tokens.ts'
import { MesError, mesClient } from './mes-client.ts'
import { misbehave } from './misbehave.ts'
import { consumePrices, placeOrder, priceRequestOf, productOf } from './orders.ts'
import { relayOutbox } from './outbox.ts'
import { checkPassword } from './passwords.ts'
import { schema } from './schema.ts'

const PAGE = 24

const owned = new AsyncDisposableStack()
const stopping = new AbortController()
const secret = setting('COMPANY_SECRET')
const faults = owned.use(watchFaults(setting('FAULTS_FILE')))
const pool = owned.adopt(openDatabase(setting('SHOP_DB_URL'), 'shop'), (open) => open.end())
const models = owned.use(openModels())
const broker = owned.use(openBroker(setting('AMQP_URL'), 'shop'))
const mes = owned.use(mesClient(setting('MES_URL'), signToken('shop', secret, Date.now() + 365 * 24 * 3600_000)))
owned.use(misbehave(faults))

const app = Fastify({ bodyLimit: MAX_MODEL_BYTES })
app.addContentTypeParser('model/stl', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

/** The customer of the session, 0 for nobody. */
const customerOf = (headers: { readonly cookie?: string | undefined }): number => {
  const token = /(?:^|;\s*)session=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? ''
  return Number(tryReadToken(token, secret, Date.now()) ?? 0)
}
identify<FastifyRequest>(({ headers }) => (customerOf(headers) || undefined)?.toString())
outboxPending('orders', async () => {
  const { rows } = await pool.query<{ count: number }>('select count(*)::int as count from outbox')
  return rows[0]?.count ?? 0
})

app.setErrorHandler((err, _request, reply) => {
  const status =
    err instanceof MesError ? err.status : err instanceof Error && 'statusCode' in err ? Number(err.statusCode) : 500
  if (status >= 500) log('error', 'a request failed', { err })
  return reply
    .code(status)
    .send({ error: status === 500 || !(err instanceof Error) ? 'the request failed' : err.message })
})

app.get('/health', async () => ({ ok: true, pid: process.pid }))

app.get<{ Querystring: { page?: string } }>('/catalogue', async ({ query }) => {
  const page = Math.max(0, Math.min(1000, Math.floor(Number(query.page ?? 0)) || 0))
  const { rows } = await pool.query('select id, name, material from products order by id limit $1 offset $2', [
    PAGE,
    page * PAGE,
  ])
  return { page, products: rows }
})

app.get<{ Params: { id: string } }>('/catalogue/:id', async ({ params }, reply) => {
  const { rows } = await pool.query('select * from products where id = $1', [integer(params.id)])
  return rows[0] ?? reply.code(404).send({ error: 'there is no such product' })
})

app.post('/login', async ({ body }, reply) => {
  const { email, password } = fields(body)
  if (typeof email !== 'string' || typeof password !== 'string')
    return reply.code(400).send({ error: 'email and password are needed' })
  const { rows } = await pool.query<{ id: number; password_hash: string }>(
    'select id, password_hash from customers where email = $1',
    [email],
  )
  const customer = rows[0]
  if (customer === undefined || !(await checkPassword(password, customer.password_hash)))
    return reply.code(401).send({ error: 'email or password is wrong' })
  const token = signToken(String(customer.id), secret, Date.now())
  return reply.header('set-cookie', `session=${token}; HttpOnly; SameSite=Lax; Path=/`).send({ customer: customer.id })
})

app.post('/models', async ({ headers, body }, reply) => {
  if (customerOf(headers) === 0) return reply.code(401).send({ error: 'log in first' })
  if (!Buffer.isBuffer(body)) return reply.code(415).send({ error: 'send the model as model/stl' })
  const key = `models/${randomUUID()}.stl`
  await models.put(key, body)
  return reply.code(201).send({ key })
})

app.post('/quotes', async ({ body }, reply) => {
  const { product, quantity, model } = fields(body)
  const found = await productOf(pool, integer(product))
  if (found === undefined) return reply.code(404).send({ error: 'there is no such product' })
  return mes.price(priceRequestOf(found, integer(quantity), typeof model === 'string' ? model : undefined))
})

app.post('/orders', async ({ headers, body }, reply) => {
  const customer = customerOf(headers)
  if (customer === 0) return reply.code(401).send({ error: 'log in first' })
  const { product, quantity, model } = fields(body)
  const modelKey = typeof model === 'string' ? model : undefined
  const id = await placeOrder(pool, { customer, product: integer(product), quantity: integer(quantity), modelKey })
  if (id === undefined) return reply.code(404).send({ error: 'there is no such product' })
  return reply.code(202).send({ id, status: 'placed' })
})

app.get('/orders', async ({ headers }, reply) => {
  const customer = customerOf(headers)
  if (customer === 0) return reply.code(401).send({ error: 'log in first' })
  const { rows } = await pool.query(
    'select id, product_id, quantity, status, cents, placed_at from orders where customer_id = $1 order by placed_at desc limit 20',
    [customer],
  )
  return { orders: rows }
})

app.get<{ Params: { id: string } }>('/orders/:id', async ({ headers, params }, reply) => {
  const { rows } = await pool.query(
    'select id, product_id, quantity, status, cents, placed_at, priced_at from orders where id::text = $1 and customer_id = $2',
    [params.id, customerOf(headers)],
  )
  return rows[0] ?? reply.code(404).send({ error: 'there is no such order' })
})

function fields(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
}

/** A whole number that PostgreSQL's `integer` holds, or 0, which no row has. */
function integer(value: unknown): number {
  const number = Number(value)
  return Number.isInteger(number) && number > 0 && number < 2 ** 31 ? number : 0
}

consumePrices(pool, broker)
await app.listen({ host: '127.0.0.1', port: numberSetting('PORT') })
const prepared = prepareSchema(pool, schema, stopping.signal)
void prepared.then(() => relayOutbox(pool, broker, stopping.signal))
await live({ name: 'shop', server: app.server, prepared, owned, stopping })
