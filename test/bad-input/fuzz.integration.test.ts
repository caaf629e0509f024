/** The fuzzer for a moment of each target; `scripts/fuzz.ts` runs it as long as one likes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TARGETS } from './fuzz-targets.ts'
import { runFuzz } from './run-fuzz.ts'

for (const target of Object.keys(TARGETS)) {
  test(`nonsense is taken or refused, and never more than that: ${target}`, async () => {
    const { inputs } = await runFuzz({ target, seed: 1, runs: 200, seconds: 3 })
    assert.ok(inputs >= 200)
  })
}
