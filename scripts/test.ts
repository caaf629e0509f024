/**
 * `npm test`: types, lint, laws and units in one process, and beside them integration with the real parts, each file in a process
 * of its own; then end to end, alone. Ends with `N passed, N failed`.
 *
 * `npm test -- unit` runs that stage alone; `npm test -- src/tsdb` only the files below a path.
 */
import { spawn } from 'node:child_process'
import { glob, mkdir, readFile, rm } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { run as runTests } from 'node:test'
import { spec } from 'node:test/reporters'
import { countsAsTest } from './totals-reporter.ts'

type Outcome = { readonly passed: number; readonly failed: number }
/** Writes what it has to say to `out`. */
type Stage = { readonly name: string; readonly run: (out: NodeJS.WritableStream) => Promise<Outcome> }

const STAGES = ['types', 'lint', 'unit', 'integration', 'e2e']
const wanted = process.argv.slice(2)
const stagesWanted = wanted.filter((word) => STAGES.includes(word))
const pathsWanted = wanted.filter((word) => !STAGES.includes(word))
const NODE = ['--conditions=assay-src', '--disable-warning=ExperimentalWarning']
const TOTALS = '.cache/test-totals.json'
/** Files that wait most run beside each other and beside the units: by four they keep two cores busy. */
const FILES_AT_ONCE = 4
/** What takes longest begins first, so that nothing is waited for alone at the end: 71 s to 10 s each on a machine of two cores. */
const LONGEST_FIRST = [
  'test/prometheus/differential',
  'web/dev/pages',
  'test/bad-input/fuzz',
  'test/bad-input/live-scraper',
  'test/remote-write-sender/traffic',
  'test/remote-write-sender/answers',
  'test/collectors/rabbitmq-plugins',
  'test/prometheus/neighbours',
  'test/serve',
  'test/collectors/rabbitmq',
  'src/state/kill',
  'test/prometheus/mutations',
  'test/prometheus/promtool',
  'src/responder/runtimes/pm2',
  'test/remote-write-serve',
  'test/check',
  'test/scrape/prometheus-pages',
]

const everything = await files('{src,agent/src,web,example,test,scripts}/**/*.test.{ts,tsx}')
const integration = everything.filter((file) => file.endsWith('.integration.test.ts')).toSorted(byLength)
const endToEnd = everything.filter((file) => file.endsWith('.e2e.test.ts'))
const unit = everything.filter((file) => !integration.includes(file) && !endToEnd.includes(file))

/** Stages of one lane follow each other; lanes run at once. */
const lanes: readonly (readonly Stage[])[] = [
  [
    {
      name: 'types',
      run: () =>
        both(command('node_modules/.bin/tsc', '-p', 'tsconfig.json'), () =>
          command('node_modules/.bin/tsc', '-p', 'web')(),
        ),
    },
    { name: 'lint', run: command('node_modules/.bin/biome', 'check', '--error-on-warnings', '.') },
    { name: 'unit', run: () => oneProcess(unit) },
  ],
  [{ name: 'integration', run: (out) => processEach(integration, FILES_AT_ONCE, out) }],
]
const last: Stage = { name: 'e2e', run: (out) => processEach(endToEnd, 1, out) }

let passed = 0
let failed = 0
const lines = new Map<string, string>()
await mkdir('.cache', { recursive: true })
// What a later lane says is held back until the lanes before it are done, so that the words of two never mix.
let speaking: Promise<unknown> = Promise.resolve()
await Promise.all(
  lanes.map(async (stages, i) => {
    const out = i === 0 ? process.stdout : new PassThrough({ highWaterMark: 64 * 1024 * 1024 })
    if (out instanceof PassThrough) speaking.then(() => out.pipe(process.stdout, { end: false }))
    const done = runAll(stages, out)
    speaking = Promise.all([speaking, done])
    await done
    if (out instanceof PassThrough) {
      await speaking
      out.end()
      if (!out.readableEnded) await new Promise((resolve) => out.once('end', resolve))
    }
  }),
)
await runAll([last], process.stdout)
const said = STAGES.flatMap((name) => lines.get(name) ?? [])
process.stdout.write(`\n${said.join('\n')}\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

async function runAll(stages: readonly Stage[], out: NodeJS.WritableStream): Promise<void> {
  for (const { name, run } of stages) {
    const skipped =
      (stagesWanted.length > 0 && !stagesWanted.includes(name)) ||
      (pathsWanted.length > 0 && ['types', 'lint'].includes(name))
    if (skipped) continue
    const started = performance.now()
    const outcome = await run(out)
    passed += outcome.passed
    failed += outcome.failed
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    lines.set(name, `${name}: ${outcome.passed} passed, ${outcome.failed} failed, ${seconds} s`)
  }
}

async function files(pattern: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob(pattern, { exclude: ['**/node_modules/**', '**/dist/**'] })) found.push(file)
  return found
    .toSorted()
    .filter((file) => pathsWanted.length === 0 || pathsWanted.some((path) => file.startsWith(path)))
}

function byLength(a: string, b: string): number {
  const place = (file: string) => {
    const at = LONGEST_FIRST.indexOf(file.replace('.integration.test.ts', ''))
    return at < 0 ? LONGEST_FIRST.length : at
  }
  return place(a) - place(b)
}

function command(file: string, ...args: string[]): () => Promise<Outcome> {
  return async () => {
    const child = spawn(file, args, { stdio: 'inherit' })
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
    return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
  }
}

async function both(first: () => Promise<Outcome>, second: () => Promise<Outcome>): Promise<Outcome> {
  const [a, b] = [await first(), await second()]
  return { passed: a.passed + b.passed, failed: a.failed + b.failed }
}

/** All files in one process, which is not this one. */
async function oneProcess(list: readonly string[]): Promise<Outcome> {
  if (list.length === 0) return { passed: 0, failed: 0 }
  await rm(TOTALS, { force: true })
  const flags = [
    '--test-isolation=none',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/totals-reporter.ts',
    `--test-reporter-destination=${TOTALS}`,
  ]
  const child = spawn(process.execPath, [...NODE, '--test', ...flags, ...list], { stdio: 'inherit' })
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  const totals = JSON.parse(await readFile(TOTALS, 'utf8').catch(() => '{}')) as Partial<Outcome>
  return settled({ passed: totals.passed ?? 0, failed: totals.failed ?? 0 }, status === 0)
}

/** Each file in a process of its own, in this order. */
async function processEach(list: readonly string[], concurrency: number, out: NodeJS.WritableStream): Promise<Outcome> {
  if (list.length === 0) return { passed: 0, failed: 0 }
  let ok = false
  const counted = { passed: 0, failed: 0 }
  const tests = runTests({ files: [...list], concurrency, isolation: 'process', execArgv: NODE })
  tests.on('test:pass', (data) => void (counted.passed += countsAsTest(data) ? 1 : 0))
  tests.on('test:fail', (data) => void (counted.failed += countsAsTest(data) ? 1 : 0))
  tests.on('test:summary', (data) => {
    if (data.file === undefined) ok = data.success
  })
  const text = tests.compose(spec)
  text.pipe(out, { end: false })
  await new Promise((resolve, reject) => text.once('end', resolve).once('error', reject))
  return settled(counted, ok)
}

/** A runner that died, or complained of something no test owns, must not pass for green. */
function settled(outcome: Outcome, ok: boolean): Outcome {
  return !ok && outcome.failed === 0 ? { ...outcome, failed: 1 } : outcome
}
