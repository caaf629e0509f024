/** The fast path against the parser: on random pages and random edits of them both leave the same, sample by sample and count by count. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomOf } from '#core'
import { LIFE_PAGES, live } from './known-life.test-support.ts'

test('what is stored and counted does not depend on what is known of the last page', async (t) => {
  const { ASSAY_FUZZ_SEED: only, ASSAY_FUZZ_RUNS: runs } = process.env
  const first = only === undefined ? Date.now() % 2 ** 31 : Number(only)
  const lives = only === undefined ? Number(runs ?? 400) : 1
  let known = 0
  for (let seed = first; seed < first + lives; seed++) {
    try {
      known += await live(randomOf(seed))
    } catch (cause) {
      throw new Error(`run it again with ASSAY_FUZZ_SEED=${seed}`, { cause })
    }
  }
  if (only === undefined) assert.ok(known > lives * 2, `${known} pages of ${lives} lives were known`)
  t.diagnostic(`${known} of ${lives * LIFE_PAGES} pages were known`)
})
