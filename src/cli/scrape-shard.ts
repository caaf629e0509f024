/**
 * Which of several assay processes scrapes a target, when they share the work (`--scrape-shard I/N`).
 *
 * - By the target's job, labels and address alone: the order of a configuration or of discovery changes nothing, and every process
 *   comes to the same answer by itself.
 * - Another N moves only what must move: of n targets about n / N go to a shard that is added, none between the others.
 *
 * Source: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm" (2014), over the last eight bytes of MD5.
 */
import { createHash } from 'node:crypto'
import { AssayError } from '#core'
import type { DroppedTarget, Target } from '#scrape'

/** `index` counts from 0. */
export type Shard = { readonly index: number; readonly count: number }

const MAX_SHARDS = 1000

/** Of `I/N`. Throws `ASSAY_USAGE`. */
export function parseShard(text: string): Shard {
  const [, index = Number.NaN, count = Number.NaN] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number)
  if (count >= 1 && count <= MAX_SHARDS && index < count) return { index, count }
  throw new AssayError(
    'ASSAY_USAGE',
    `--scrape-shard ${JSON.stringify(text)}: write I/N, the number of this process from 0 on and how many there are, as in 0/3`,
  )
}

export function shardOf({ pool, labels, url }: Pick<Target, 'pool' | 'labels' | 'url'>, count: number): number {
  const digest = createHash('md5').update(`${pool}\0${labels.key}\0${url}`).digest()
  return jump(digest.readBigUInt64BE(8), count)
}

/** Those of this shard; those of others as dropped, where they show that they are somebody's. Both with the shard in `__shard__`. */
export function cutShard(
  targets: readonly Target[],
  dropped: readonly DroppedTarget[],
  { index, count }: Shard,
): { readonly targets: readonly Target[]; readonly dropped: readonly DroppedTarget[] } {
  const own: Target[] = []
  const others: DroppedTarget[] = []
  for (const target of targets) {
    const shard = shardOf(target, count)
    const discoveredLabels = target.discoveredLabels.with('__shard__', `${shard}/${count}`)
    if (shard === index) own.push({ ...target, discoveredLabels })
    else others.push({ pool: target.pool, discoveredLabels })
  }
  return { targets: own, dropped: [...dropped, ...others] }
}

const MULTIPLIER = 2862933555777941757n
const MASK = 2n ** 64n - 1n

function jump(hash: bigint, count: number): number {
  let key = hash
  let shard = -1
  for (let next = 0; next < count; ) {
    shard = next
    key = (key * MULTIPLIER + 1n) & MASK
    next = Math.floor((shard + 1) * (2 ** 31 / (Number(key >> 33n) + 1)))
  }
  return shard
}
