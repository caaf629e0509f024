/**
 * Redis through `ioredis` 4, 5 and 6: the duration of every command.
 *
 * - `sendCommand` is wrapped, and a command told its end through its own `resolve` and `reject`: no promise is derived or listened to, so a
 *   rejection that the application forgets is reported as ever.
 * - ioredis 6 publishes `ioredis:command`, but whoever subscribes changes the application: a forgotten rejection is silenced then
 *   (its tracing.js, seen with 6.0.0), and a command costs 1.2 us more (bench/agent/outgoing.ts). So it is not listened to.
 * - A command is measured once, however often it is sent again: offline queue, reconnection, a cluster's redirections. The time a
 *   blocking command waits is its duration.
 */
import type { Guard } from '../guard.ts'
import { monotonicMs } from '../monotonic.ts'
import type { Store } from '../store/index.ts'
import { DatabaseDurations } from './database-durations.ts'
import { commandName, databaseName, replyErrorType } from './redis-labels.ts'
import { type Patch, patchMethod, peek } from './require-hook.ts'

const PART = 'ioredis'
const SEEN: unique symbol = Symbol('assay.seen')

type Settle = (this: unknown, ...given: unknown[]) => unknown
type Command = { [SEEN]?: true; readonly name?: unknown; resolve: Settle; reject: Settle }

export function ioredisPatch(store: Store, guard: Guard): Patch {
  const durations = new DatabaseDurations(store, 'redis')
  const settle = guard.wrap(PART, (database: string, name: string, startedAt: number, error: unknown) => {
    const seconds = Math.max(0, monotonicMs() - startedAt) / 1_000
    if (error === undefined) durations.record(database, name, seconds)
    else durations.failed(database, name, seconds, replyErrorType(error))
  })
  const begin = guard.wrap(PART, (client: object, command: Command) => {
    if (typeof command !== 'object' || command === null || command[SEEN] === true) return
    const { resolve, reject } = command
    if (typeof resolve !== 'function' || typeof reject !== 'function') {
      guard.stepAside(PART, 'a command without resolve and reject')
      return
    }
    command[SEEN] = true
    const name = commandName(command.name)
    const database = databaseName(peek(peek(client, 'condition'), 'select') ?? peek(peek(client, 'options'), 'db'))
    const startedAt = monotonicMs()
    let ended = false
    const end = (error: unknown): void => {
      if (ended) return
      ended = true
      settle(database, name, startedAt, error)
    }
    // The reply's own transformation may fail: then `resolve` calls `reject`, which is why it goes first.
    command.resolve = function (this: unknown, ...given) {
      const result = resolve.apply(this, given)
      end(undefined)
      return result
    }
    command.reject = function (this: unknown, ...given) {
      end(given[0] ?? 'unknown')
      return reject.apply(this, given)
    }
  })

  return ({ id, parentFilename, exports }) => {
    const inner = /\/ioredis\/built\//.test(parentFilename) && /(?:\/[Rr]edis|\/cluster)$/.test(id)
    if (!inner && id !== 'ioredis') return
    for (const holder of [exports, peek(exports, 'default'), peek(exports, 'Cluster')]) {
      const prototype = peek(holder, 'prototype')
      // A file of that name which holds something else: nothing to do with commands.
      if (typeof peek(prototype, 'sendCommand') !== 'function') continue
      const done = patchMethod<object>(
        prototype as object,
        'sendCommand',
        (original) =>
          function sendCommand(...given) {
            begin(this, given[0] as Command)
            return original.apply(this, given)
          },
      )
      if (!done) guard.stepAside(PART, 'sendCommand cannot be wrapped')
    }
  }
}
