/**
 * Redis through `redis` (node-redis) 4, 5 and 6: the duration of every command.
 *
 * - The client's queue is wrapped: every command passes its `addCommand`, alone, in a transaction or in a pipeline, and is told by itself.
 * - Since 5.12 the library publishes `node-redis:command` and `node-redis:batch`, but to be subscribed there costs 3.7 us a command, five times
 *   as much (bench/agent/outgoing.ts: it copies the arguments as texts for whoever listens). So they are listened to only when the queue
 *   is not there to be wrapped, in a version to come; never both. A transaction is one operation there, `MULTI`.
 * - Nothing is kept for a command: a subscription that lasts for ever costs nothing here.
 */
import type { Guard } from '../guard.ts'
import { monotonicMs } from '../monotonic.ts'
import type { Store } from '../store/index.ts'
import { DatabaseDurations } from './database-durations.ts'
import { ownChannel } from './own-channel.ts'
import { commandName, databaseName, replyErrorType } from './redis-labels.ts'
import { type Patch, patchMethod, peek } from './require-hook.ts'

const PART = 'redis'
/** The database that a queue's connection has selected. */
const DATABASE: unique symbol = Symbol('assay.database')
type Queue = object & { [DATABASE]?: string }

export function redisPatch(store: Store, guard: Guard): Patch {
  const durations = new DatabaseDurations(store, 'redis')
  const record = (database: string, name: string, seconds: number, error: unknown): void => {
    if (error === undefined) durations.record(database, name, seconds)
    else durations.failed(database, name, seconds, replyErrorType(error))
  }
  const settle = guard.wrap(PART, (queue: Queue, args: unknown, startedAt: number, error: unknown) => {
    const name = commandName(peek(args, 0))
    if (name === 'SELECT' && error === undefined) queue[DATABASE] = databaseName(peek(args, 1))
    record(queue[DATABASE] ?? '0', name, Math.max(0, monotonicMs() - startedAt) / 1_000, error)
  })

  let wrapped = false
  let listening = false
  const listen = (): void => {
    if (listening) return
    listening = true
    const databaseOf = (context: unknown): string => databaseName(peek(context, 'database'))
    ownChannel(guard, 'node-redis:command', PART, (context, seconds, error) =>
      record(databaseOf(context), commandName(peek(context, 'command')), seconds, error),
    )
    ownChannel(guard, 'node-redis:batch', PART, (context, seconds, error) => {
      if (peek(context, 'batchMode') === 'MULTI') record(databaseOf(context), 'MULTI', seconds, error)
    })
  }

  return ({ id, parentFilename, exports }) => {
    if (/\/commands-queue$/.test(id) && /\/@redis\/client\/dist\/lib\/client\/index\.js$/.test(parentFilename)) {
      const queue = peek(peek(exports, 'default'), 'prototype')
      wrapped = patchMethod<Queue>(
        queue as object | undefined,
        'addCommand',
        (original) =>
          function addCommand(...given) {
            const answer = original.apply(this, given)
            if (!(answer instanceof Promise)) return answer
            const startedAt = monotonicMs()
            // The derived promise is what the client hands on, so that a rejection nobody takes is reported, once.
            return answer.then(
              (value: unknown) => {
                settle(this, given[0], startedAt, undefined)
                return value
              },
              (error: unknown) => {
                settle(this, given[0], startedAt, error ?? 'unknown')
                throw error
              },
            )
          },
      )
      if (!wrapped) guard.stepAside(PART, 'addCommand cannot be wrapped; its channels are listened to')
    }
    // All of the client has been loaded by now.
    if (id === '@redis/client' && !wrapped) listen()
  }
}
