/**
 * The example company as assay sees it: this file is all that assay is told.
 *
 * Time is compressed, so that a newcomer sees a whole loop within a minute: parts are asked every second, rates look back
 * ten seconds, and a condition holds for seconds where a company would write minutes (the comment beside it says which).
 * All four policies act by themselves here; a company would let scaling and restarts ask first.
 */
import {
  api,
  bucket,
  defineSystem,
  env,
  host,
  notify,
  postgres,
  rabbitmq,
  restart,
  scaleOut,
  ticket,
  when,
} from 'assay'
import { developers, runtime, support } from './receivers.ts'

/** The agents listen 21 to 23 above the port of assay; see `ports.ts`. */
const agent = (offset: number) => [`127.0.0.1:${Number(process.env['DEMO_PORT'] ?? 2424) + offset}`]

const shopDb = postgres({
  url: env('SHOP_DB_URL'),
  // What is a second old should have left.
  outbox: { orders: { sql: "select count(*) from outbox where created_at < now() - interval '1s'", to: 'orders' } },
})
const crmDb = postgres({ url: env('CRM_DB_URL') })
const mesDb = postgres({ url: env('MES_DB_URL') })
const broker = rabbitmq({
  management: env('RABBITMQ_URL'),
  metrics: env('RABBITMQ_METRICS_URL'),
  deadLetters: ['orders.dead'],
})
const models = bucket({
  endpoint: env('S3_ENDPOINT'),
  name: 'models',
  capacity: '256 MiB',
  accessKeyId: env('S3_ACCESS_KEY_ID'),
  secretAccessKey: env('S3_SECRET_ACCESS_KEY'),
})

const mes = api({
  targets: agent(23),
  users: true,
  uses: [mesDb, broker, models],
  channels: { internal: ['127.0.1.0/24'], open: 'rest' },
  callers: { open: 'partners' },
})
const crm = api({ targets: agent(22), uses: [crmDb, broker], callers: 'staff' })
const shop = api({ targets: agent(21), users: true, uses: [shopDb, broker, models, mes], callers: 'customers' })
const machine = host()

export default defineSystem({
  name: 'workshop',
  scrapeEvery: '1s', // 15s
  window: '10s', // 1m
  patience: '10s', // 2m
  mode: 'auto',
  tell: developers,
  parts: { shop, crm, mes, shopDb, crmDb, mesDb, broker, models, machine },
  policies: {
    mesSlow: when(mes.latency.p95).above('500ms').for('10s').do(ticket(developers)), // 5m
    mesBusy: when(mes.rate.perInstance)
      .above('30/s')
      .for('5s')
      .do(scaleOut(mes, { on: runtime, min: 1, max: 4, scaleInAfter: '30s' })), // 100/s for 2m
    crmErrors: when(crm.errors.ratio).above('5%').for('10s').do(notify(support)), // 5m
    crmSaturated: when(crm.saturation)
      .above('80%')
      .for('10s')
      .do(restart(crm, { on: runtime })), // 5m
  },
})
