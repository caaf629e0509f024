/**
 * A minute of random questions to assay and to a real Prometheus; thousands more by hand:
 *
 *   node --conditions=assay-src test/prometheus/differential.ts --seed 42 --count 10000
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peersMissing } from '../support/prometheus3.ts'
import { runDifferential } from './differential.ts'
import { describe, summary } from './question-run.ts'

const skip = await peersMissing()

/** A slow machine asks fewer questions. */
const WITHIN_MS = 25_000
const LEAST = 50

const RUNS = [
  { why: 'as it is by default', seed: 1, features: [] },
  { why: 'with experimental functions', seed: 2, features: ['promql-experimental-functions'] },
  { why: 'with the removal of names delayed', seed: 3, features: ['promql-delayed-name-removal'], count: 4000 },
]

for (const { why, seed, features, count = 6000 } of RUNS)
  test(`random PromQL has the answers of a real Prometheus, ${why}`, { skip }, async (context) => {
    const report = await runDifferential({ seed, count, features, withinMs: WITHIN_MS, most: 5 })
    context.diagnostic(summary(report))
    assert.equal(report.found.map((one) => describe(one, `seed ${seed}`)).join('\n'), '')
    assert.ok(report.asked >= LEAST, `${report.asked} questions only`)
    assert.ok(report.filled > report.asked / 3, `${report.filled} answers of ${report.asked} hold something`)
  })
