/** Where in its interval a target is read: spread evenly by a hash of what it is, the same after a restart. */
import { createHash } from 'node:crypto'
import type { Target } from './types.ts'

/** Milliseconds, 0 up to but not including the interval. */
export function tickOffset(target: Pick<Target, 'labels' | 'url' | 'intervalMs'>): number {
  const hash = createHash('md5').update(target.labels.key).update('\0').update(target.url).digest().readUInt32BE(0)
  return Math.floor((hash / 2 ** 32) * target.intervalMs)
}
