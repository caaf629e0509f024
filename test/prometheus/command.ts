/** The command line that the testers share: what they ask, how much of it, and what they say of it. */
import { parseArgs } from 'node:util'
import { peersMissing } from '../support/prometheus3.ts'
import { describe, type Found, type Report, summary } from './question-run.ts'

/** As every tester takes them; `values` has the flags of one alone. */
export type Asked<Name extends string> = {
  readonly seed: number
  readonly count: number
  readonly most: number
  readonly store: 'memory' | 'process'
  readonly features: readonly string[]
  readonly tell: (found: Found) => void
  readonly values: Readonly<Record<Name, string>>
  /** Flags that may come more than once. */
  readonly lists: Readonly<Record<string, readonly string[]>>
}

/** Runs a tester as a command: 0 when nothing differs without a reason, 1 when something does, 2 without the other server. */
export async function command<Name extends string>(
  own: Readonly<Record<Name, string>> & { readonly store: string },
  lists: Readonly<Record<string, readonly string[]>>,
  run: (asked: Asked<Name>) => Promise<{ readonly report: Report; readonly notes: readonly string[] }>,
): Promise<void> {
  const shared = { seed: '1', count: '1000', most: '30', features: '' }
  const single = Object.entries({ ...shared, ...own }).map(([name, value]) => [
    name,
    { type: 'string', default: value },
  ])
  const multiple = Object.entries(lists).map(([name, value]) => [
    name,
    { type: 'string', multiple: true, default: value },
  ])
  const { values } = parseArgs({ options: Object.fromEntries([...single, ...multiple]) })
  const missing = await peersMissing()
  if (missing !== false) {
    process.stderr.write(`${missing}\n`)
    process.exit(2)
  }
  const given = values as Readonly<Record<string, unknown>>
  const text = (name: string) => String(given[name])
  const { report, notes } = await run({
    seed: Number(text('seed')),
    count: Number(text('count')),
    most: Number(text('most')),
    store: text('store') === 'process' ? 'process' : 'memory',
    features: text('features')
      .split(',')
      .filter((name) => name !== ''),
    tell: (found) => void process.stdout.write(`${describe(found, `seed ${text('seed')}`)}\n`),
    values: values as Record<Name, string>,
    lists: values as Record<string, readonly string[]>,
  })
  for (const line of [summary(report), ...notes]) process.stdout.write(`${line}\n`)
  process.exitCode = report.found.length > 0 ? 1 : 0
}
