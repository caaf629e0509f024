/**
 * Feeds nonsense to everything that takes input from outside, until the time is up or something is taken wrongly.
 *
 *   node --conditions=assay-src scripts/fuzz.ts --seconds 3600 --only promql
 *
 * `--only`: one target; without it, all of them share the time. `--seed` begins there instead of at a new one, `--runs` gives
 * that many inputs at least. Exit 0: nothing was found; 1: something was, with the command that shows it again; 2: usage.
 */
import { inspect, parseArgs } from 'node:util'
import { TARGETS } from '../test/bad-input/fuzz-targets.ts'
import { runFuzz } from '../test/bad-input/run-fuzz.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '0' },
    only: { type: 'string' },
    seed: { type: 'string' },
    runs: { type: 'string', default: '1' },
  },
})
const all = Object.keys(TARGETS)
const targets = values.only === undefined ? all : all.filter((name) => name === values.only)
const [seconds, runs, seed] = [values.seconds, values.runs, values.seed ?? Date.now() % 2 ** 31].map(Number)
if (targets.length === 0 || ![seconds, runs, seed].every(Number.isFinite)) {
  process.stderr.write(`usage: fuzz.ts [--seconds N] [--only ${all.join('|')}] [--seed N] [--runs N]\n`)
  process.exit(2)
}
for (const target of targets) {
  try {
    const { inputs, slowestMs, slowestSeed } = await runFuzz({
      target,
      seed: seed!,
      runs: runs!,
      seconds: seconds! / targets.length,
    })
    process.stdout.write(
      `${target}: ${inputs} inputs from seed ${seed}, none taken wrongly; the slowest ${slowestMs.toFixed(0)} ms (seed ${slowestSeed})\n`,
    )
  } catch (thrown) {
    process.exitCode = 1
    process.stdout.write(`${target}: ${inspect(thrown)}\n`)
  }
}
