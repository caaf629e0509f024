/**
 * The CRM (Express): customers, their orders as the broker tells them, and notes. For staff, with tokens.
 *
 * `crm-errors` is a release with a bug: it formats telephone numbers and forgets the customers who have none.
 */
import { identify } from '@assay/agent'
import express, { type NextFunction, type Request, type Response } from 'express'
import { openBroker, Unreadable } from '../base/broker.ts'
import { openDatabase, prepareSchema } from '../base/database.ts'
import { watchFaults } from '../base/faults.ts'
import { live } from '../base/lifecycle.ts'
import { log } from '../base/log.ts'
import { numberSetting, setting } from '../base/settings.ts'
import { bearerOf, signToken, tryReadToken } from '../base/tokens.ts'
import { misbehave } from './misbehave.ts'
import { schema } from './schema.ts'

type Customer = { readonly id: number; readonly name: string; readonly phone: string | null }

const owned = new AsyncDisposableStack()
const stopping = new AbortController()
const secret = setting('COMPANY_SECRET')
const faults = owned.use(watchFaults(setting('FAULTS_FILE')))
const pool = owned.adopt(openDatabase(setting('CRM_DB_URL'), 'crm'), (open) => open.end())
const broker = owned.use(openBroker(setting('AMQP_URL'), 'crm'))
owned.use(misbehave(faults, setting('CRM_DB_URL')))

const app = express()
app.disable('x-powered-by')
app.use(express.json({ limit: '32kb' }))

const staffOf = (request: Pick<Request, 'headers'>): string | undefined =>
  tryReadToken(bearerOf(request.headers.authorization), secret, Date.now())
identify<Request>(staffOf)

app.get('/health', (_request, response) => void response.json({ ok: true, pid: process.pid }))

app.post('/login', (request, response) => {
  const { name } = (request.body ?? {}) as { readonly name?: unknown }
  if (typeof name !== 'string' || !/^[a-z]{1,20}\d{0,4}$/.test(name)) {
    response.status(400).json({ error: 'name must be letters, then digits' })
    return
  }
  response.json({ token: signToken(name, secret, Date.now()) })
})

app.use((request, response, next) => {
  if (staffOf(request) === undefined) response.status(401).json({ error: 'log in first' })
  else next()
})

app.get('/customers', async (request, response) => {
  const search = typeof request.query['search'] === 'string' ? request.query['search'] : ''
  const { rows } = await pool.query('select id, name, city from customers where name ilike $1 order by id limit 25', [
    `%${search.replace(/[%_\\]/g, '\\$&')}%`,
  ])
  response.json({ customers: rows })
})

app.get('/customers/:id', async (request, response) => {
  const id = Number(request.params.id) || 0
  const [customer, notes, orders] = await Promise.all([
    pool.query<Customer>('select * from customers where id = $1', [id]),
    pool.query('select author, text, written_at from notes where customer_id = $1 order by written_at desc limit 10', [
      id,
    ]),
    pool.query('select id, status, cents from orders where customer_id = $1 order by updated_at desc limit 10', [id]),
  ])
  const found = customer.rows[0]
  if (found === undefined) {
    response.status(404).json({ error: 'there is no such customer' })
    return
  }
  const phone = faults.on('crm-errors') ? formatPhone(found as Customer & { phone: string }) : found.phone
  response.json({ ...found, phone, notes: notes.rows, orders: orders.rows })
})

app.post('/customers/:id/notes', async (request, response) => {
  const { text } = (request.body ?? {}) as { readonly text?: unknown }
  if (typeof text !== 'string' || text === '' || text.length > 2000) {
    response.status(400).json({ error: 'text is needed, 2000 characters at most' })
    return
  }
  const { rowCount } = await pool.query(
    'insert into notes (customer_id, author, text) select id, $2, $3 from customers where id = $1',
    [Number(request.params.id) || 0, staffOf(request), text],
  )
  response.status(rowCount === 1 ? 201 : 404).json({ written: rowCount === 1 })
})

app.get('/orders', async (_request, response) => {
  const { rows } = await pool.query('select * from orders order by updated_at desc limit 50')
  response.json({ orders: rows })
})

app.use((err: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (response.headersSent) return next(err)
  const status = typeof err === 'object' && err !== null && 'status' in err ? Number(err.status) : 500
  if (status >= 500) log('error', 'a request failed', { err })
  response.status(status).json({ error: status >= 500 ? 'the request failed' : 'the request cannot be read' })
})

/** The new release's formatting. The bug: `phone` is null for every other customer. */
function formatPhone({ phone }: { readonly phone: string }): string {
  return phone.replace('+49 ', '0').replaceAll(' ', '')
}

broker.consume('crm.orders', 20, async ({ key, body }) => {
  const { id, customer, cents } = (typeof body === 'object' && body !== null ? body : {}) as Readonly<
    Record<string, unknown>
  >
  if (typeof id !== 'string') throw new Unreadable('the message is not an order')
  // The two messages of an order may come in either order: priced is never taken back.
  await pool.query(
    `insert into orders (id, customer_id, status, cents) values ($1, $2, $3, $4)
     on conflict (id) do update set
       status = case when 'priced' in (excluded.status, orders.status) then 'priced' else 'placed' end,
       cents = coalesce(excluded.cents, orders.cents), updated_at = now()`,
    [
      id,
      typeof customer === 'number' ? customer : null,
      key === 'order.priced' ? 'priced' : 'placed',
      typeof cents === 'number' ? cents : null,
    ],
  )
})

const server = app.listen(numberSetting('PORT'), '127.0.0.1')
await live({ name: 'crm', server, prepared: prepareSchema(pool, schema, stopping.signal), owned, stopping })
