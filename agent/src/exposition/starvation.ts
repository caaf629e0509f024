/**
 * For how long the main thread has been ready to run without getting a processor: then it is the machine that is busy, or the quota of its
 * container that is used up, and its loop is not blocked.
 *
 * Linux counts that for each thread (schedstat of proc(5): on a processor, waiting for one, in nanoseconds). The main thread's number is the
 * process'. Read twice or three times a scrape, 15 µs each.
 */
import { readFileSync } from 'node:fs'

const FILE = `/proc/self/task/${process.pid}/schedstat`

/** In milliseconds, since the process has begun; undefined where the system does not tell. */
export function starvedMs(): number | undefined {
  try {
    return parseStarvedMs(readFileSync(FILE, 'latin1'))
  } catch {
    return undefined
  }
}

export function parseStarvedMs(text: string): number | undefined {
  const [ran = 0, waited = Number.NaN] = text.trim().split(' ').map(Number)
  // A system that has the file but does not count tells zeros.
  return ran > 0 && waited >= 0 ? waited / 1e6 : undefined
}
