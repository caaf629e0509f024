/**
 * What a service calls, with the published form of the agent: a real PostgreSQL, RabbitMQ, Redis and S3, asked by an ES module and by
 * CommonJS, on each Node that this machine has.
 */
import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { samplesOf } from '../../agent/src/test-support/parse-page.ts'
import { startRedis } from '../../agent/src/test-support/redis-server.ts'
import { until } from '../../agent/src/test-support/service.ts'
import { startPostgres } from '../../example/parts/postgres.ts'
import { startRabbitmq } from '../../example/parts/rabbitmq.ts'
import { S3_CREDENTIALS, startS3 } from '../../example/parts/s3.ts'
import { freePorts, testPlace } from '../collectors/workplace.ts'
import { peersMissing } from '../support/prometheus3.ts'
import { lintPage } from './lint-page.ts'
import { NODES, type PackedAgent, packAgent, startApp } from './packed-agent.ts'

const LIBRARIES = ['pg', 'amqplib', 'ioredis', 'redis', '@aws-sdk/client-s3']
const NAMES = {
  pg: 'pg',
  amqplib: 'amqp',
  ioredis: '{ Redis }',
  redis: '{ createClient }',
  '@aws-sdk/client-s3': '{ S3Client, PutObjectCommand, GetObjectCommand }',
} as Readonly<Record<string, string>>
const BODY = `
const { POSTGRES, AMQP, REDIS, S3, S3_KEYS } = process.env
const run = async () => {
  const pool = new pg.Pool({ connectionString: POSTGRES, max: 2 })
  // First: a connection whose query has failed is not kept.
  await pool.query('select * from nowhere').catch(() => {})
  await pool.query('select 1')
  const keys = new Redis(Number(REDIS))
  await keys.set('a', '1')
  keys.disconnect()
  const client = createClient({ url: 'redis://127.0.0.1:' + REDIS })
  await client.connect()
  await client.hSet('h', 'a', '1')
  client.destroy()
  const connection = await amqp.connect(AMQP)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('orders')
  const consumed = new Promise((resolve) => channel.consume('orders', (message) => { channel.ack(message); resolve() }))
  channel.sendToQueue('orders', Buffer.from('x'))
  channel.publish('', 'nobody', Buffer.from('x'), { mandatory: true })
  await channel.waitForConfirms()
  await consumed
  const s3 = new S3Client({ endpoint: S3, region: 'us-east-1', forcePathStyle: true, credentials: JSON.parse(S3_KEYS) })
  await s3.send(new PutObjectCommand({ Bucket: 'models', Key: 'a', Body: 'x' }))
  await s3.send(new GetObjectCommand({ Bucket: 'models', Key: 'nothing' })).catch(() => {})
  await connection.close()
  return pool
}
const server = http.createServer((request, response) => response.end())
server.listen(0, '127.0.0.1', async () => {
  const pool = await run()
  process.stdin.once('data', () => { pool.end(); server.close(); process.stdin.unref() })
  console.log(JSON.stringify({ port: server.address().port }))
})
`

const withoutPromtool = await peersMissing()
const owned = new AsyncDisposableStack()
let packed: PackedAgent
const env: Record<string, string> = {}
before(async () => {
  packed = owned.use(await packAgent())
  await mkdir(join(packed.folder, 'node_modules/@aws-sdk'))
  for (const name of LIBRARIES)
    await symlink(join(import.meta.dirname, '../../node_modules', name), join(packed.folder, 'node_modules', name))
  const all = ['node:http', ...LIBRARIES].map((name) => [NAMES[name] ?? 'http', name] as const)
  const imports = all.map(([what, name]) => `import ${what} from '${name}'`)
  const requires = all.map(([what, name]) => `const ${what} = require('${name}')`)
  await writeFile(join(packed.folder, 'app.mjs'), `${imports.join('\n')}\n${BODY}`)
  await writeFile(join(packed.folder, 'app.cjs'), `${requires.join('\n')}\n${BODY}`)

  const place = owned.use(testPlace())
  const signal = AbortSignal.timeout(60_000)
  const [port = 0, s3 = 0, amqp = 0, management = 0, prometheus = 0, epmd = 0, distribution = 0] = await freePorts(7)
  const password = 'secret'
  const user = { name: 'shop', password }
  owned.use(
    await startPostgres({
      name: 'postgres',
      place,
      dir: place.dir('postgres'),
      port,
      password,
      databases: [user],
      monitor: { name: 'monitor', password },
      maxConnections: 20,
      signal,
    }),
  )
  const ports = { amqp, management, prometheus, epmd, distribution }
  const dir = place.dir('rabbitmq')
  owned.use(
    await startRabbitmq({ place, dir, ports, user: user.name, password, plugins: ['rabbitmq_management'], signal }),
  )
  const bucket = owned.use(await startS3({ place, dir: place.dir('s3'), port: s3, bucket: 'models', signal }))
  const redis = owned.use(await startRedis())
  Object.assign(env, {
    POSTGRES: `postgres://shop:secret@127.0.0.1:${port}/shop`,
    AMQP: `amqp://shop:secret@127.0.0.1:${amqp}`,
    REDIS: String(redis.port),
    S3: bucket.endpoint,
    S3_KEYS: JSON.stringify(S3_CREDENTIALS),
  })
})
after(async () => await owned.disposeAsync())

/** The values of a family, by those labels. */
function told(page: string, name: string, labels: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    samplesOf(page, name).map((sample) => [labels.map((label) => sample.labels[label] ?? '').join(' '), sample.value]),
  )
}

for (const node of NODES) {
  for (const flags of [
    ['--import', '@assay/agent', 'app.mjs'],
    ['--require', '@assay/agent', 'app.cjs'],
  ]) {
    test(`${node} ${flags.join(' ')}: each call of each library is told once, with its error`, async () => {
      await using app = await startApp(packed.folder, node, flags, env)
      const page = await until(
        () => app.metrics(),
        (text) => text.includes('db_client_connection_count'),
      )
      const operations = ['db_system_name', 'db_operation_name', 'error_type']
      const databases = told(page, 'db_client_operation_duration_seconds_count', operations)
      assert.deepEqual(Object.fromEntries(Object.entries(databases).filter(([one]) => /SELECT|SET/.test(one))), {
        'postgresql SELECT ': 1,
        'postgresql SELECT 42P01': 1,
        'redis SET ': 1,
        'redis HSET ': 1,
      })
      assert.deepEqual(told(page, 'db_client_connection_count', ['state']), { used: 0, idle: 1 })
      const where = ['messaging_destination_name', 'error_type']
      assert.deepEqual(told(page, 'messaging_client_sent_messages_total', where), { 'orders ': 1, 'nobody ': 1 })
      assert.deepEqual(told(page, 'messaging_client_returned_messages_total', where), { 'nobody NO_ROUTE': 1 })
      assert.deepEqual(told(page, 'messaging_client_consumed_messages_total', where), { 'orders ': 1 })
      assert.deepEqual(told(page, 'messaging_client_settled_messages_total', ['messaging_operation_name']), { ack: 1 })
      assert.deepEqual(told(page, 'rpc_client_call_duration_seconds_count', ['rpc_method', 'error_type']), {
        'S3/PutObject ': 1,
        'S3/GetObject NoSuchKey': 1,
      })
      if (!withoutPromtool) assert.deepEqual(await lintPage(page), [])
      // The AWS SDK warns of older Nodes.
      assert.doesNotMatch(app.stderr(), /assay agent/)
      assert.deepEqual(await app.end(), [0, null])
    })
  }
}
