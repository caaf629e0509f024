/**
 * The pools of `pg-pool`: connections by state, who waits and how long, what could not be given.
 *
 * Pools are held weakly, and read at scrape; a pool that has ended takes its gauges with it. Never a user, never a password in a name.
 */
import { add, type Family, observe, type Slot, type Store, set } from '../store/index.ts'
import { errorType } from './error-type.ts'
import { peek } from './require-hook.ts'

const MAX_POOLS = 32
/** OpenTelemetry's advice for the time to get a connection, in seconds. */
const WAIT_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const

type Gauges = { readonly used: Slot; readonly idle: Slot; readonly pending: Slot; readonly max: Slot }
type Seen = { readonly ref: WeakRef<object>; readonly name: string; readonly gauges: Gauges }

export class Pools {
  readonly #count: Family
  readonly #pending: Family
  readonly #max: Family
  readonly #wait: Family
  readonly #errors: Family
  readonly #seen: Seen[] = []
  readonly #known = new WeakMap<object, { readonly name: string; readonly wait: Slot }>()

  constructor(store: Store) {
    const gauge = (name: string, help: string): Family => store.family({ name, help, kind: 'gauge', needsLoop: true })
    this.#count = gauge('db_client_connection_count', 'Connections of a pool by state.')
    this.#pending = gauge('db_client_connection_pending_requests', 'Requests that wait for a connection of a pool.')
    this.#max = gauge('db_client_connection_max', 'The most connections a pool may open.')
    this.#wait = store.family({
      name: 'db_client_connection_wait_time_seconds',
      help: 'Time until a pool had given a connection.',
      kind: 'histogram',
      bounds: WAIT_BOUNDS,
      native: true,
    })
    this.#errors = store.family({
      name: 'db_client_connection_errors_total',
      help: 'Connections that a pool could not give.',
      kind: 'counter',
    })
    store.collectors.push(() => this.#collect())
  }

  see(pool: object): void {
    if (this.#known.has(pool)) return
    if (this.#seen.length >= MAX_POOLS) {
      this.#known.set(pool, { name: '_other', wait: this.#wait.series([labelOf('_other')]) })
      return
    }
    const name = nameOf(
      peek(pool, 'options'),
      this.#seen.map((one) => one.name),
    )
    const label = labelOf(name)
    this.#known.set(pool, { name, wait: this.#wait.series([label]) })
    const gauges: Gauges = {
      used: this.#count.series([label, ['state', 'used']]),
      idle: this.#count.series([label, ['state', 'idle']]),
      pending: this.#pending.series([label]),
      max: this.#max.series([label]),
    }
    this.#seen.push({ ref: new WeakRef(pool), name, gauges })
  }

  waited(pool: object, seconds: number): void {
    const known = this.#known.get(pool)
    if (known !== undefined) observe(known.wait, seconds)
  }

  failed(pool: object, error: unknown): void {
    const labels = [labelOf(this.#known.get(pool)?.name ?? ''), ['error_type', failureOf(error)]] as const
    add(this.#errors.series(labels), 1)
  }

  #collect(): void {
    for (let i = this.#seen.length - 1; i >= 0; i--) {
      const { ref, gauges } = this.#seen[i]!
      const pool = ref.deref()
      if (pool === undefined || peek(pool, 'ended') === true) {
        this.#count.remove(gauges.used)
        this.#count.remove(gauges.idle)
        this.#pending.remove(gauges.pending)
        this.#max.remove(gauges.max)
        this.#seen.splice(i, 1)
        continue
      }
      const total = numberOf(peek(pool, 'totalCount'))
      const idle = numberOf(peek(pool, 'idleCount'))
      set(gauges.used, Math.max(0, total - idle))
      set(gauges.idle, idle)
      set(gauges.pending, numberOf(peek(pool, 'waitingCount')))
      set(gauges.max, numberOf(peek(peek(pool, 'options'), 'max')))
    }
  }
}

function labelOf(name: string): readonly [string, string] {
  return ['db_client_connection_pool_name', name]
}

/** pg-pool's own time limits come without a code. */
function failureOf(error: unknown): string {
  const type = errorType(error)
  return type === 'Error' && /timeout/i.test(String(peek(error, 'message'))) ? 'timeout' : type
}

/** `host:port/database`, numbered when there are several to the same place. */
function nameOf(options: unknown, taken: readonly string[]): string {
  const url = textOf(peek(options, 'connectionString'))
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const host = parsed?.hostname || textOf(peek(options, 'host')) || process.env['PGHOST'] || 'localhost'
  const port = parsed?.port || String(peek(options, 'port') ?? process.env['PGPORT'] ?? 5432)
  const database = parsed?.pathname.slice(1) || textOf(peek(options, 'database')) || process.env['PGDATABASE'] || ''
  const name = `${host}:${port}/${database}`
  for (let i = 1; ; i++) {
    const numbered = i === 1 ? name : `${name}#${i}`
    if (!taken.includes(numbered)) return numbered
  }
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
