/**
 * A few seconds of the questions of test scripts, changed at random: of those in `src/promql/testdata`, and of Prometheus' own where
 * ASSAY_SHARED names a folder that has them. Thousands more by hand:
 *
 *   node --conditions=assay-src test/prometheus/mutations.ts --seed 42 --count 10000
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { peersMissing } from '../support/prometheus3.ts'
import { runMutations, scriptsIn } from './mutations.ts'
import { describe, summary } from './question-run.ts'

const skip = await peersMissing()

const OURS = fileURLToPath(new URL('../../src/promql/testdata', import.meta.url))
const SHARED = process.env['ASSAY_SHARED']
const folders = [OURS, ...(SHARED === undefined ? [] : [`${SHARED}/promqltest`])].filter((folder) => existsSync(folder))

/** A slow machine asks fewer questions. */
const WITHIN_MS = 7000
const LEAST = 20

const RUNS = [
  { why: 'as they are by default', seed: 1, features: [] },
  {
    why: 'with everything experimental that it has',
    seed: 2,
    features: [
      'promql-experimental-functions',
      'promql-delayed-name-removal',
      'promql-duration-expr',
      'type-and-unit-labels',
    ],
  },
]

for (const { why, seed, features } of RUNS)
  test(
    `the questions of test scripts, changed, have the answers of a real Prometheus, ${why}`,
    { skip },
    async (context) => {
      const scripts = scriptsIn(folders)
      const report = await runMutations({
        seed,
        features,
        scripts,
        count: 3000,
        withinMs: WITHIN_MS,
        most: 5,
        mostSections: 60,
      })
      context.diagnostic(summary(report))
      assert.equal(report.found.map((one) => describe(one, `seed ${seed}`)).join('\n'), '')
      assert.ok(report.asked >= LEAST, `${report.asked} questions only`)
      assert.ok(report.filled > report.asked / 4, `${report.filled} answers of ${report.asked} hold something`)
    },
  )
