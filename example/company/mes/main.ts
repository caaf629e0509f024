/**
 * The manufacturing system (Fastify): prices parts and plans production.
 *
 * `POST /price` is called by the shop (internal channel, the company's own key) and by partners (open channel, their API keys).
 */
import { identify } from '@assay/agent'
import Fastify, { type FastifyRequest } from 'fastify'
import { openBroker, Unreadable } from '../base/broker.ts'
import { openDatabase, prepareSchema } from '../base/database.ts'
import { watchFaults } from '../base/faults.ts'
import { live } from '../base/lifecycle.ts'
import { log } from '../base/log.ts'
import { openModels } from '../base/models.ts'
import { numberSetting, setting } from '../base/settings.ts'
import { tryReadToken } from '../base/tokens.ts'
import { consumeOrders } from './consumer.ts'
import { parsePriceRequest, pricing } from './pricing.ts'
import { schema } from './schema.ts'

const owned = new AsyncDisposableStack()
const stopping = new AbortController()
const secret = setting('COMPANY_SECRET')
const faults = owned.use(watchFaults(setting('FAULTS_FILE')))
const pool = owned.adopt(openDatabase(setting('MES_DB_URL'), 'mes'), (open) => open.end())
const models = owned.use(openModels())
const broker = owned.use(openBroker(setting('AMQP_URL'), 'mes'))
const prices = pricing({ pool, models, work: numberSetting('MES_WORK') })

const app = Fastify({ bodyLimit: 64 * 1024 })

const callerOf = ({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined => {
  const key = headers['x-api-key']
  return typeof key === 'string' ? tryReadToken(key, secret, Date.now()) : undefined
}
// Partners are the users of this API; the shop's own calls are nobody's.
identify<FastifyRequest>((request) => {
  const caller = callerOf(request)
  return caller?.startsWith('partner-') ? caller : undefined
})

app.addHook('onRequest', async (request, reply) => {
  if (request.routeOptions.url === '/health') return
  if (callerOf(request) === undefined)
    return reply.code(401).send({ error: 'x-api-key is missing, unknown or expired' })
})

app.setErrorHandler((err, _request, reply) => {
  if (err instanceof Unreadable) return reply.code(422).send({ error: err.message })
  const status = err instanceof Error && 'statusCode' in err ? Number(err.statusCode) : 500
  if (status >= 500) log('error', 'a request failed', { err })
  return reply
    .code(status)
    .send({ error: status >= 500 ? 'the request failed' : err instanceof Error ? err.message : '' })
})

app.get('/health', async () => ({ ok: true, pid: process.pid }))

app.get('/materials', async () => (await pool.query('select * from materials order by name')).rows)

app.post('/price', async (request, reply) => {
  let wanted: ReturnType<typeof parsePriceRequest>
  try {
    wanted = parsePriceRequest(request.body)
  } catch (cause) {
    return reply.code(400).send({ error: cause instanceof Error ? cause.message : 'the request cannot be read' })
  }
  return { ...(await prices.price(wanted)), pid: process.pid }
})

app.get('/jobs', async () => (await pool.query('select * from jobs order by created_at desc limit 50')).rows)

app.get<{ Params: { id: string } }>('/jobs/:id', async (request, reply) => {
  const { rows } = await pool.query('select * from jobs where order_id::text = $1', [request.params.id])
  return rows[0] ?? reply.code(404).send({ error: 'there is no such job' })
})

consumeOrders({ pool, broker, pricing: prices, faults, signal: stopping.signal })
await app.listen({ host: '127.0.0.1', port: numberSetting('PORT') })
await live({ name: 'mes', server: app.server, prepared: prepareSchema(pool, schema, stopping.signal), owned, stopping })
