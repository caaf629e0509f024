/**
 * PostgreSQL through `pg`, which publishes nothing: `Client.query` is wrapped, and pools are seen at their first use.
 *
 * - Promise and callback answers both pass through with their value or error as it was. A submitted object (cursor, stream) is left alone.
 * - No statement is kept: the operation is its first word, from a closed list.
 * - Pools are held weakly; a pool that is gone takes its series with it.
 */
import { performance } from 'node:perf_hooks'
import type { Guard } from '../guard.ts'
import { add, observe, type Slot, type Store, set } from '../store/index.ts'
import { errorType } from './error-type.ts'
import { objectOr, type Patch, patchMethod, peek, type Required } from './require-hook.ts'

/** OpenTelemetry's advice for database durations, in seconds. */
const DB_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const
const MAX_POOLS = 32
const OPERATIONS = new Set(
  'SELECT INSERT UPDATE DELETE MERGE WITH BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE SET SHOW COPY CALL DO EXPLAIN CREATE ALTER DROP TRUNCATE GRANT REVOKE LISTEN NOTIFY UNLISTEN VACUUM ANALYZE LOCK REFRESH PREPARE EXECUTE DEALLOCATE FETCH DECLARE CLOSE VALUES TABLE'.split(
    ' ',
  ),
)

export function pgPatch(store: Store, guard: Guard): Patch {
  const duration = store.family({
    name: 'db_client_operation_duration_seconds',
    help: 'Duration of database operations, as the application waits for them.',
    kind: 'histogram',
    bounds: DB_BOUNDS,
  })
  const settle = guard.wrap('pg', (client: unknown, text: string, startedAt: number, error: unknown) => {
    const slot = duration.series([
      ['db_system_name', 'postgresql'],
      ['db_operation_name', operationOf(text)],
      ['db_namespace', textOf(peek(client, 'database'))],
      ['error_type', error === undefined || error === null ? '' : errorType(error)],
    ])
    observe(slot, (performance.now() - startedAt) / 1_000)
  })
  const pools = poolGauges(store)
  const seePool = guard.wrap('pg', (pool: object) => pools.see(pool))
  const failed = guard.wrap('pg', (pool: object, error: unknown) => pools.failed(pool, error))

  return (required) => {
    const client = clientOf(required)
    if (client !== undefined) {
      patchMethod<object>(
        client,
        'query',
        (original) =>
          function query(...given) {
            return timed(this, original, given, (text, startedAt, error) => settle(this, text, startedAt, error))
          },
      )
    }
    if (required.id === 'pg-pool') {
      const prototype = objectOr(peek(required.exports, 'prototype'), undefined)
      patchMethod<object>(
        prototype,
        'connect',
        (original) =>
          function connect(...given) {
            seePool(this)
            return answered(this, original, given, (error) => {
              if (error !== undefined && error !== null) failed(this, error)
            })
          },
      )
    }
  }
}

/** Calls a method and has `done` told when its answer is there; what the caller gets is what it would have got. */
function answered(
  self: object,
  original: (this: object, ...given: unknown[]) => unknown,
  given: unknown[],
  done: (error: unknown) => void,
): unknown {
  const at = given.findLastIndex((one) => typeof one === 'function')
  if (at >= 0) {
    const callback = given[at] as (...answer: unknown[]) => unknown
    const wrapped = function (this: unknown, ...answer: unknown[]): unknown {
      done(answer[0])
      return callback.apply(this, answer)
    }
    return original.apply(self, given.with(at, wrapped))
  }
  const answer = original.apply(self, given)
  if (!(answer instanceof Promise)) return answer
  // The derived promise is what the caller gets, so that a rejection it forgets is still reported as unhandled, once.
  return answer.then(
    (value: unknown) => {
      done(undefined)
      return value
    },
    (error: unknown) => {
      done(error ?? '_OTHER')
      throw error
    },
  )
}

/** A query, timed. */
function timed(
  client: object,
  original: (this: object, ...given: unknown[]) => unknown,
  given: unknown[],
  done: (text: string, startedAt: number, error: unknown) => void,
): unknown {
  const [config] = given
  if (typeof peek(config, 'submit') === 'function') return original.apply(client, given)
  const text = typeof config === 'string' ? config : textOf(peek(config, 'text'))
  const startedAt = performance.now()
  return answered(client, original, given, (error) => done(text, startedAt, error))
}

function clientOf({ id, parentFilename, exports }: Required): object | undefined {
  const inner = id === './client' && /\/pg\/lib\/(?:index|native\/index)\.js$/.test(parentFilename)
  const prototype = peek(inner ? exports : id === 'pg' ? peek(exports, 'Client') : undefined, 'prototype')
  return typeof prototype === 'object' && prototype !== null ? prototype : undefined
}

/** The statement's first word. Leading comments and parentheses are passed over. */
export function operationOf(text: string): string {
  const [, word = ''] = /^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/|\()*([A-Za-z]+)/.exec(text.slice(0, 1_000)) ?? []
  const operation = word.toUpperCase()
  return OPERATIONS.has(operation) ? operation : 'OTHER'
}

type PoolSlots = { readonly used: Slot; readonly idle: Slot; readonly pending: Slot; readonly max: Slot }

function poolGauges(store: Store): { see(pool: object): void; failed(pool: object, error: unknown): void } {
  const gauge = (name: string, help: string) => store.family({ name, help, kind: 'gauge' })
  const count = gauge('db_client_connection_count', 'Connections of a pool by state.')
  const pending = gauge('db_client_connection_pending_requests', 'Requests that wait for a connection of a pool.')
  const max = gauge('db_client_connection_max', 'The most connections a pool may open.')
  const errors = store.family({
    name: 'db_client_connection_errors_total',
    help: 'Connections that a pool could not give.',
    kind: 'counter',
  })
  const names = new WeakMap<object, string>()
  const pools: { readonly ref: WeakRef<object>; readonly slots: PoolSlots; readonly name: string }[] = []

  store.collectors.push(() => {
    for (const [i, { ref, slots }] of [...pools.entries()].reverse()) {
      const pool = ref.deref()
      if (pool === undefined || peek(pool, 'ended') === true) {
        count.remove(slots.used)
        count.remove(slots.idle)
        pending.remove(slots.pending)
        max.remove(slots.max)
        pools.splice(i, 1)
        continue
      }
      const total = numberOf(peek(pool, 'totalCount'))
      const idle = numberOf(peek(pool, 'idleCount'))
      set(slots.used, Math.max(0, total - idle))
      set(slots.idle, idle)
      set(slots.pending, numberOf(peek(pool, 'waitingCount')))
      set(slots.max, numberOf(peek(peek(pool, 'options'), 'max')))
    }
  })

  return {
    see(pool) {
      if (names.has(pool)) return
      if (pools.length >= MAX_POOLS) {
        names.set(pool, '_other')
        return
      }
      const name = poolName(
        peek(pool, 'options'),
        pools.map((one) => one.name),
      )
      names.set(pool, name)
      const labels = [['db_client_connection_pool_name', name]] as const
      const slots: PoolSlots = {
        used: count.series([...labels, ['state', 'used']]),
        idle: count.series([...labels, ['state', 'idle']]),
        pending: pending.series(labels),
        max: max.series(labels),
      }
      pools.push({ ref: new WeakRef(pool), slots, name })
    },
    failed(pool, error) {
      const labels = [
        ['db_client_connection_pool_name', names.get(pool) ?? ''],
        ['error_type', errorType(error)],
      ] as const
      add(errors.series(labels), 1)
    },
  }
}

/** `host:port/database`, numbered when there are several to the same place. Never a user, never a password. */
function poolName(options: unknown, taken: readonly string[]): string {
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
