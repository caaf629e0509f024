/** The libraries that services call databases, brokers and clouds with: what patches each of them, when it is loaded. */
import type { Guard } from '../guard.ts'
import type { Store } from '../store/index.ts'
import { amqplibPatch } from './amqplib.ts'
import { awsPatch } from './aws.ts'
import { ioredisPatch } from './ioredis.ts'
import { pgPatch } from './pg.ts'
import { redisPatch } from './redis.ts'
import type { Patch } from './require-hook.ts'

export function libraryPatches(store: Store, guard: Guard): readonly Patch[] {
  return [pgPatch, amqplibPatch, awsPatch, ioredisPatch, redisPatch].map((patch) => patch(store, guard))
}
