/**
 * Who is scraped: what discovery finds, the collectors of a plan, and assay itself, as one list for the scraper.
 *
 * Another plan takes over at once; collectors and discovery of the one before are closed when those of the next stand.
 */
import { type Collector, createCollector, type UsersAgent } from '#collectors'
import { Labels, type Log, systemClock, type Text } from '#core'
import type { Plan } from '#model'
import { collectorTarget, type createScraper, discover, type Target, TEXT_CONTENT_TYPE } from '#scrape'
import type { State } from '#state'
import { cutShard, type Shard } from './scrape-shard.ts'
import { VERSION } from './version.ts'

/** The job of our own series. */
const SELF = 'assay'

/** `shard`: what of all targets is ours; absent: everything. `instance`: what we call ourselves, where others write to the same store. */
export type Share = { readonly shard?: Shard; readonly instance?: string }

/** Discovery and collectors of one plan after another; what is in both goes on. */
export class Scraping implements AsyncDisposable {
  readonly #scraper: ReturnType<typeof createScraper>
  readonly #log: Log
  readonly #resolve: (text: Text) => string
  readonly #own: () => string
  readonly #share: Share
  readonly #state: State | undefined
  #current = new AsyncDisposableStack()

  constructor(
    scraper: ReturnType<typeof createScraper>,
    log: Log,
    resolveSecret: (text: Text) => string,
    own: () => string,
    share: Share = {},
    state?: State,
  ) {
    this.#scraper = scraper
    this.#log = log
    this.#resolve = resolveSecret
    this.#own = own
    this.#share = share
    this.#state = state
  }

  async apply(plan: Plan): Promise<void> {
    await using next = new AsyncDisposableStack()
    const collectors: Collector[] = []
    let found: readonly Target[] = []
    const scraped = (job: string) => found.filter(({ pool }) => pool === job).flatMap(agentOf)
    for (const spec of plan.collectors) {
      collectors.push(
        next.use(
          await createCollector(spec, {
            resolve: this.#resolve,
            clock: systemClock,
            log: this.#log,
            scraped,
            ...(this.#state === undefined ? {} : { state: this.#state }),
          }),
        ),
      )
    }
    const { shard, instance = 'self' } = this.#share
    const collected: Target[] = collectors.map((collector) => targetOf(collector, plan.scrapeIntervalMs))
    // Each process watches itself, whoever else there is.
    const self = plan.watchesItself ? [selfTarget(plan.scrapeIntervalMs, instance, this.#own)] : []
    const before = this.#current
    next.use(
      await discover(plan.scrapes, {
        clock: systemClock,
        log: this.#log,
        resolve: this.#resolve,
        version: VERSION,
        onChange: ({ targets, dropped }) => {
          found = targets
          const all = [...targets, ...collected]
          const cut = shard === undefined ? { targets: all, dropped } : cutShard(all, dropped, shard)
          this.#scraper.apply([...cut.targets, ...self], cut.dropped)
        },
      }),
    )
    this.#current = next.move()
    await before.disposeAsync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current.disposeAsync()
  }
}

/** A target as an instance that is asked for more than its page. */
function agentOf({ labels, askBeside }: Target): readonly UsersAgent[] {
  if (askBeside === undefined) return []
  const ask: UsersAgent['ask'] = async (path, signal) => {
    const { status, body } = await askBeside(path, signal)
    return { status, body: Buffer.from(body).toString('utf8') }
  }
  return [{ address: labels.get('instance'), ask }]
}

function targetOf(collector: Collector, intervalMs: number): Target {
  return collectorTarget({
    part: collector.spec.part,
    intervalMs,
    timeoutMs: Math.min(intervalMs, 10_000),
    address: collector.address,
    read: (signal) => collector.read(signal),
    caveats: () => collector.caveats(),
  })
}

/** assay keeps its own history too. */
function selfTarget(intervalMs: number, instance: string, own: () => string): Target {
  const labels = Labels.of({ job: SELF, instance })
  return {
    pool: SELF,
    labels,
    discoveredLabels: labels,
    url: 'self',
    intervalMs,
    timeoutMs: intervalMs,
    honorLabels: false,
    honorTimestamps: true,
    metricRelabelConfigs: [],
    limits: {},
    read: async () => ({ body: own(), contentType: TEXT_CONTENT_TYPE }),
  }
}
