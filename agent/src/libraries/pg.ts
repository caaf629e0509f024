/**
 * PostgreSQL through `pg`, JavaScript and native: the duration of every query, and the pools.
 *
 * - `Client.query` is wrapped until pg publishes `pg:query` itself (node-postgres #3650); from then on that is what is counted.
 * - Promise and callback answers pass through with their value or error as it was, of whatever promise class the client was given.
 * - What is submitted (a Query, a cursor, a stream) is one operation, from its start until the server is ready again.
 * - No statement is kept: the operation is its first word, from a closed list.
 */
import type { Guard } from '../guard.ts'
import { monotonicMs } from '../monotonic.ts'
import type { Store } from '../store/index.ts'
import { answered, type Done, type Method } from './answered.ts'
import { DatabaseDurations } from './database-durations.ts'
import { errorType } from './error-type.ts'
import { ownChannel } from './own-channel.ts'
import { operationOf } from './pg-operation.ts'
import { Pools } from './pg-pools.ts'
import { objectOr, type Patch, patchMethod, peek, type Required } from './require-hook.ts'

const PART = 'pg'

export function pgPatch(store: Store, guard: Guard): Patch {
  const durations = new DatabaseDurations(store, 'postgresql')
  const pools = new Pools(store)
  const record = (namespace: unknown, text: unknown, seconds: number, error: unknown): void => {
    const operation = operationOf(typeof text === 'string' ? text : '')
    const where = typeof namespace === 'string' ? namespace : ''
    if (error === undefined || error === null) durations.record(where, operation, seconds)
    else durations.failed(where, operation, seconds, errorType(error))
  }
  const own = ownChannel(guard, 'pg:query', PART, (context, seconds, error) => {
    const query = peek(context, 'query')
    const client = peek(context, 'client')
    record(peek(client, 'database') ?? peek(context, 'database'), peek(query, 'text') ?? query, seconds, error)
  })
  const settle = guard.wrap(PART, (client: object, text: unknown, startedAt: number, error: unknown) => {
    // It has begun to publish while this one was under way: its own figure counts.
    if (!own.publishing) record(peek(client, 'database'), text, Math.max(0, monotonicMs() - startedAt) / 1_000, error)
  })
  // A stream of pg-query-stream has its cursor's.
  const textOf = guard.wrap(PART, (config: unknown) => peek(config, 'text') ?? peek(peek(config, 'cursor'), 'text'))
  const isSubmittable = guard.wrap(
    PART,
    (config: unknown) => typeof config !== 'string' && typeof peek(config, 'submit') === 'function',
  )
  const seePool = guard.wrap(PART, (pool: object) => pools.see(pool))
  const connected = guard.wrap(PART, (pool: object, startedAt: number, error: unknown) => {
    if (error === undefined || error === null) pools.waited(pool, Math.max(0, monotonicMs() - startedAt) / 1_000)
    else pools.failed(pool, error)
  })

  const query = (original: Method): Method =>
    function query(...given) {
      if (own.publishing) return original.apply(this, given)
      const [config] = given
      // Most are a text and nothing to be careful with.
      const isText = typeof config === 'string'
      const text = isText ? config : textOf(config)
      const startedAt = monotonicMs()
      const done: Done = (error) => settle(this, text, startedAt, error)
      if (!isText && isSubmittable(config) === true) {
        if (!watchSubmitted(config as object, done)) guard.stepAside(PART, 'a submitted query that cannot be watched')
        return original.apply(this, given)
      }
      return answered(this, original, given, done)
    }
  const connect = (original: Method): Method =>
    function connect(...given) {
      seePool(this)
      const startedAt = monotonicMs()
      return answered(this, original, given, (error) => connected(this, startedAt, error))
    }

  return (required) => {
    const client = clientOf(required)
    if (client !== undefined && !patchMethod(client, 'query', query))
      guard.stepAside(PART, 'Client.prototype.query cannot be wrapped')
    if (required.id === 'pg-pool') {
      const pool = objectOr(peek(required.exports, 'prototype'), undefined)
      if (!patchMethod(pool, 'connect', connect)) guard.stepAside(PART, 'Pool.prototype.connect cannot be wrapped')
    }
  }
}

/**
 * Cursors, streams and queries are told by the client what came of them: by `handleError` and `handleReadyForQuery`, in all versions.
 * A native query has no `handleReadyForQuery` but emits `end`, and its error has a code only after it has handled it.
 */
function watchSubmitted(submitted: object, done: Done): boolean {
  let ended = false
  const end: Done = (error) => {
    if (ended) return
    ended = true
    done(error)
  }
  const isNative = !('handleReadyForQuery' in submitted)
  const error = watchMethod(submitted, 'handleError', (original, self, given) => {
    if (!isNative) end(given[0] ?? 'unknown')
    try {
      return original.apply(self, given)
    } finally {
      end(given[0] ?? 'unknown')
    }
  })
  if (isNative) {
    const once: unknown = peek(submitted, 'once')
    if (typeof once !== 'function') return false
    once.call(submitted, 'end', () => end(undefined))
    return error
  }
  const ready = watchMethod(submitted, 'handleReadyForQuery', (original, self, given) => {
    end(undefined)
    return original.apply(self, given)
  })
  return ready && error
}

/** On the one that was submitted alone, not on its class. False when it cannot be. */
function watchMethod(
  holder: object,
  name: string,
  around: (original: Method, self: object, given: unknown[]) => unknown,
): boolean {
  const original: unknown = Reflect.get(holder, name)
  if (typeof original !== 'function') return false
  const own: Method = function (...given) {
    return around(original as Method, this, given)
  }
  return Reflect.defineProperty(holder, name, { value: own, writable: true, configurable: true, enumerable: false })
}

function clientOf({ id, parentFilename, exports }: Required): object | undefined {
  const inner = id === './client' && /\/pg\/lib\/(?:index|native\/index)\.js$/.test(parentFilename)
  const prototype = peek(inner ? exports : id === 'pg' ? peek(exports, 'Client') : undefined, 'prototype')
  return typeof prototype === 'object' && prototype !== null ? prototype : undefined
}
