/**
 * The load: customers, staff and partners with a day's rhythm, in a process of its own. It ends when its stdin ends, which
 * happens however the supervisor goes.
 *
 * Rates are those of the busiest hour; what runs at once is bounded for each.
 */
import { watchFaults } from '../company/base/faults.ts'
import { setting } from '../company/base/settings.ts'
import { scrapeNext, tryStolenPassword, visit } from './customers.ts'
import { type PaceStats, pace } from './pace.ts'
import { askPrice } from './partners.ts'
import { busyness } from './rhythm.ts'
import { work } from './staff.ts'

const VISITS_PER_S = 1
const WORKS_PER_S = 1.4
const PRICES_PER_S = 4
/** At 10 ms of CPU each: two thirds of what one process can do at best, more than it can do beside others; comfortable for two. */
const OVERLOAD_PER_S = 55
const SAY_EVERY_MS = 10_000

const stop = new AbortController()
const { signal } = stop
const random = Math.random
const faults = watchFaults(setting('FAULTS_FILE'))
const shop = { url: setting('SHOP_URL'), random, signal }
const crm = { url: setting('CRM_URL'), random, signal }
const mes = { url: setting('MES_URL'), keys: setting('PARTNER_KEYS').split(','), random }

const rate = (perS: number, persona: 'customers' | 'staff' | 'partners') => perS * busyness(persona, Date.now())

const paces: Readonly<Record<string, PaceStats>> = {
  customers: pace({
    ratePerS: () => rate(VISITS_PER_S, 'customers') * (faults.on('traffic-drop') ? 0.2 : 1),
    maxRunning: 30,
    act: () => visit(shop, faults.on('dead-letters')),
    random,
    signal,
  }),
  staff: pace({ ratePerS: () => rate(WORKS_PER_S, 'staff'), maxRunning: 24, act: () => work(crm), random, signal }),
  partners: pace({
    ratePerS: () => (faults.on('mes-overload') ? OVERLOAD_PER_S : rate(PRICES_PER_S, 'partners')),
    maxRunning: 48,
    act: () => askPrice(mes),
    random,
    signal,
  }),
  thief: pace({
    ratePerS: () => (faults.on('credential-stuffing') ? 6 : 0),
    maxRunning: 8,
    act: () => tryStolenPassword(shop),
    random,
    signal,
  }),
  robot: pace({
    ratePerS: () => (faults.on('catalogue-scraping') ? 10 : 0),
    maxRunning: 8,
    act: () => scrapeNext(shop),
    random,
    signal,
  }),
}

const saying = setInterval(
  () => process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...paces })}\n`),
  SAY_EVERY_MS,
)
const end = () => {
  stop.abort()
  clearInterval(saying)
  process.exit(0)
}
process.stdin.on('end', end).on('close', end).resume()
process.once('SIGTERM', end)
process.once('SIGINT', end)
