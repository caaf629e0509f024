/**
 * `npm test`: types, lint, laws and units in one process, then integration with the real parts and end to end, each file
 * in a process of its own. Ends with `N passed, N failed`.
 *
 * `npm test -- unit` runs that stage alone; `npm test -- src/tsdb` only the files below a path.
 */
import { spawn, spawnSync } from 'node:child_process'
import { glob, mkdir, readFile, rm } from 'node:fs/promises'

type Outcome = { readonly passed: number; readonly failed: number }
type Stage = { readonly name: string; readonly run: () => Promise<Outcome> }

const STAGES = ['types', 'lint', 'unit', 'integration', 'e2e']
const wanted = process.argv.slice(2)
const stagesWanted = wanted.filter((word) => STAGES.includes(word))
const pathsWanted = wanted.filter((word) => !STAGES.includes(word))
const NODE = ['--conditions=assay-src', '--disable-warning=ExperimentalWarning']
const TOTALS = '.cache/test-totals.json'

const everything = await files('{src,agent/src,web,example,test,scripts}/**/*.test.{ts,tsx}')
const integration = everything.filter((file) => file.endsWith('.integration.test.ts'))
const endToEnd = everything.filter((file) => file.endsWith('.e2e.test.ts'))
const unit = everything.filter((file) => !integration.includes(file) && !endToEnd.includes(file))

const stages: readonly Stage[] = [
  {
    name: 'types',
    run: () =>
      both(command('node_modules/.bin/tsc', '-p', 'tsconfig.json'), () =>
        command('node_modules/.bin/tsc', '-p', 'web')(),
      ),
  },
  { name: 'lint', run: command('node_modules/.bin/biome', 'check', '--error-on-warnings', '.') },
  { name: 'unit', run: () => nodeTest(unit, ['--test-isolation=none']) },
  { name: 'integration', run: () => nodeTest(integration, ['--test-concurrency=3']) },
  { name: 'e2e', run: () => nodeTest(endToEnd, ['--test-concurrency=1']) },
]

let passed = 0
let failed = 0
const lines: string[] = []
await mkdir('.cache', { recursive: true })
for (const { name, run } of stages) {
  const skipped =
    (stagesWanted.length > 0 && !stagesWanted.includes(name)) ||
    (pathsWanted.length > 0 && ['types', 'lint'].includes(name))
  if (skipped) continue
  const started = performance.now()
  const outcome = await run()
  passed += outcome.passed
  failed += outcome.failed
  lines.push(
    `${name}: ${outcome.passed} passed, ${outcome.failed} failed, ${((performance.now() - started) / 1000).toFixed(1)} s`,
  )
}
process.stdout.write(`\n${lines.join('\n')}\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

async function files(pattern: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob(pattern, { exclude: ['**/node_modules/**', '**/dist/**'] })) found.push(file)
  return found
    .toSorted()
    .filter((file) => pathsWanted.length === 0 || pathsWanted.some((path) => file.startsWith(path)))
}

function command(file: string, ...args: string[]): () => Promise<Outcome> {
  return async () => {
    const { status } = spawnSync(file, args, { stdio: 'inherit' })
    return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
  }
}

async function both(first: () => Promise<Outcome>, second: () => Promise<Outcome>): Promise<Outcome> {
  const [a, b] = [await first(), await second()]
  return { passed: a.passed + b.passed, failed: a.failed + b.failed }
}

async function nodeTest(list: readonly string[], flags: readonly string[]): Promise<Outcome> {
  if (list.length === 0) return { passed: 0, failed: 0 }
  await rm(TOTALS, { force: true })
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/totals-reporter.ts',
    `--test-reporter-destination=${TOTALS}`,
  ]
  const child = spawn(process.execPath, [...NODE, '--test', ...flags, ...reporters, ...list], { stdio: 'inherit' })
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  const totals = JSON.parse(await readFile(TOTALS, 'utf8').catch(() => '{}')) as Partial<Outcome>
  const outcome = { passed: totals.passed ?? 0, failed: totals.failed ?? 0 }
  // A runner that died, or complained of something no test owns, must not pass for green.
  return status !== 0 && outcome.failed === 0 ? { ...outcome, failed: 1 } : outcome
}
