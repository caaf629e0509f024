/**
 * The fuzzer for a minute over all targets, each time from another seed; `scripts/fuzz.ts` runs it as long as one likes. What fails
 * says how to show it again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TARGETS } from './fuzz-targets.ts'
import { runFuzz } from './run-fuzz.ts'

const SEED = Math.floor(Math.random() * 2 ** 31)

for (const target of Object.keys(TARGETS)) {
  test(`nonsense is taken or refused, and never more than that: ${target}`, async (context) => {
    context.diagnostic(`seed ${SEED}`)
    const { inputs } = await runFuzz({ target, seed: SEED, runs: 200, seconds: 6 })
    assert.ok(inputs >= 200)
  })
}
