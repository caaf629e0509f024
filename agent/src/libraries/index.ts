/**
 * The libraries that services call databases, brokers and clouds with: what patches each of them, when it is loaded.
 *
 * - Every module that an application requires passes here, and nearly all are none of ours: one look at the name turns them away (2,000
 *   modules: 0.3 ms, against 0.5 to 1.0 when each patch looks for itself).
 * - A patch, its metrics and its subscriptions are made when its library is met: a service without Redis has none of Redis', and the start
 *   takes 0.02 ms instead of 0.2 to 0.4.
 */
import type { Guard } from '../guard.ts'
import type { Store } from '../store/index.ts'
import { amqplibPatch } from './amqplib.ts'
import { awsPatch } from './aws.ts'
import { ioredisPatch } from './ioredis.ts'
import { pgPatch } from './pg.ts'
import { redisPatch } from './redis.ts'
import type { Patch } from './require-hook.ts'

type MakePatch = (store: Store, guard: Guard) => Patch

/** By what their modules are required as, by applications and by themselves; a patch looks closer. */
const LIBRARIES: readonly (readonly [names: RegExp, make: MakePatch])[] = [
  [/^(?:pg|pg-pool|\.\/client)$/, pgPatch],
  [/^\.\/lib\/(?:channel|callback)_model$/, amqplibPatch],
  [/^@smithy\/(?:core\/client|smithy-client)$/, awsPatch],
  [/^ioredis$|\/(?:[Rr]edis|cluster)$/, ioredisPatch],
  [/^@redis\/client$|\/commands-queue$/, redisPatch],
]
/** What stands behind the last slash of any of these. */
const LAST_NAMES = new Set(
  'pg pg-pool client smithy-client channel_model callback_model ioredis redis Redis cluster commands-queue'.split(' '),
)

export function libraryPatches(store: Store, guard: Guard): readonly Patch[] {
  const made = new Map<MakePatch, Patch>()
  return [
    (required) => {
      if (!LAST_NAMES.has(required.id.slice(required.id.lastIndexOf('/') + 1))) return
      for (const [names, make] of LIBRARIES) {
        if (!names.test(required.id)) continue
        let patch = made.get(make)
        if (patch === undefined) {
          patch = make(store, guard)
          made.set(make, patch)
        }
        patch(required)
      }
    },
  ]
}
