/**
 * Redis through `redis` (node-redis): the duration of every command.
 *
 * - Since 5.12 it publishes `node-redis:command` and `node-redis:batch`; they are what is counted. A transaction's commands travel together:
 *   it is one operation, `MULTI`. Those of a pipeline are told one by one.
 * - Before (checked with 4.7) it publishes nothing: its queue's `addCommand` is wrapped until something is published. There a transaction's commands
 *   are told one by one, and the database is not known.
 * - Nothing is kept for a command: a subscription that lasts for ever costs nothing here.
 */
import { performance } from 'node:perf_hooks'
import type { Guard } from '../guard.ts'
import type { Store } from '../store/index.ts'
import { DatabaseDurations } from './database-durations.ts'
import { ownChannel } from './own-channel.ts'
import { commandName, databaseName, replyErrorType } from './redis-labels.ts'
import { type Patch, patchMethod, peek } from './require-hook.ts'

const PART = 'redis'

export function redisPatch(store: Store, guard: Guard): Patch {
  const durations = new DatabaseDurations(store, 'redis')
  const record = (database: string, name: string, seconds: number, error: unknown): void => {
    if (error === undefined) durations.record(database, name, seconds)
    else durations.failed(database, name, seconds, replyErrorType(error))
  }
  const commands = ownChannel(guard, 'node-redis:command', PART, (context, seconds, error) => {
    record(databaseName(peek(context, 'database')), commandName(peek(context, 'command')), seconds, error)
  })
  const batches = ownChannel(guard, 'node-redis:batch', PART, (context, seconds, error) => {
    if (peek(context, 'batchMode') === 'MULTI') record(databaseName(peek(context, 'database')), 'MULTI', seconds, error)
  })
  // Published before the first command is sent.
  const connects = ownChannel(guard, 'node-redis:connect', PART, () => {})

  const settle = guard.wrap(PART, (args: unknown, startedAt: number, error: unknown) => {
    record('', commandName(peek(args, 0)), Math.max(0, performance.now() - startedAt) / 1_000, error)
  })
  return ({ id, parentFilename, exports }) => {
    if (!/\/commands-queue$/.test(id) || !/\/@redis\/client\/dist\/lib\/client\/index\.js$/.test(parentFilename)) return
    const queue = peek(peek(exports, 'default'), 'prototype')
    const done = patchMethod<object>(
      queue as object | undefined,
      'addCommand',
      (original) =>
        function addCommand(...given) {
          const answer = original.apply(this, given)
          if (commands.publishing || batches.publishing || connects.publishing || !(answer instanceof Promise))
            return answer
          const startedAt = performance.now()
          // The derived promise is what the client hands on, so that a rejection nobody takes is reported, once.
          return answer.then(
            (value: unknown) => {
              settle(given[0], startedAt, undefined)
              return value
            },
            (error: unknown) => {
              settle(given[0], startedAt, error ?? 'unknown')
              throw error
            },
          )
        },
    )
    if (!done) guard.stepAside(PART, 'addCommand cannot be wrapped')
  }
}
