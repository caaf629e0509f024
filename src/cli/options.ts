/**
 * Flags of the commands. Each can also come from the environment as `ASSAY_<FLAG>`; the flag wins.
 * `serve` takes Prometheus' spellings too, so that a command line that starts Prometheus starts assay.
 */
import { parseArgs } from 'node:util'
import { AssayError } from '#core'

export type Flag = {
  readonly name: string
  /** What follows it: `FILE`. Absent: it is a switch. */
  readonly value?: string
  readonly default?: string
  /** Prometheus' spellings of the same. */
  readonly aliases?: readonly string[]
  /** May be given several times: the values are joined with commas. */
  readonly repeats?: boolean
  readonly help: string
}

export type Flags = {
  readonly values: ReadonlyMap<string, string>
  readonly rest: readonly string[]
}

/** Throws `ASSAY_USAGE`: which flag, what is wrong, what there is. */
export function parseFlags(
  command: string,
  flags: readonly Flag[],
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Flags {
  const options: Record<string, { type: 'string' | 'boolean' }> = {}
  for (const { name, aliases = [], value } of flags) {
    for (const spelling of [name, ...aliases]) options[spelling] = { type: value === undefined ? 'boolean' : 'string' }
  }
  const values = new Map<string, string>()
  for (const { name, default: fallback } of flags) {
    const fromEnvironment = environment[`ASSAY_${name.replaceAll(/[.-]/g, '_').toUpperCase()}`]
    const initial = fromEnvironment ?? fallback
    if (initial !== undefined && initial !== '') values.set(name, initial)
  }
  const bySpelling = new Map(
    flags.flatMap((flag) => [flag.name, ...(flag.aliases ?? [])].map((spelling) => [spelling, flag] as const)),
  )
  const given = new Set<string>()
  try {
    const { tokens } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
      tokens: true,
      allowNegative: true,
    })
    const rest: string[] = []
    for (const token of tokens) {
      if (token.kind === 'positional') rest.push(token.value)
      else if (token.kind === 'option') {
        const { name, repeats } = bySpelling.get(token.name) ?? { name: token.name }
        const value = token.value ?? (token.rawName.startsWith('--no-') ? 'false' : 'true')
        values.set(name, repeats && given.has(name) ? `${values.get(name)},${value}` : value)
        given.add(name)
      }
    }
    return { values, rest }
  } catch (error) {
    const message = error instanceof Error ? error.message.split('. ')[0] : String(error)
    throw new AssayError('ASSAY_USAGE', `assay ${command}: ${message}; "assay ${command} --help" lists the flags`)
  }
}

/** The help page of one command. */
export function formatFlags(usage: string, summary: string, flags: readonly Flag[]): string {
  const rows = flags.map(
    ({ name, value, default: fallback, help }) =>
      [
        `  --${name}${value === undefined ? '' : ` ${value}`}`,
        `${help}${fallback === undefined ? '' : ` (${fallback})`}`,
      ] as const,
  )
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return [`usage: ${usage}`, '', summary, '', ...rows.map(([left, right]) => `${left.padEnd(width)}${right}`), ''].join(
    '\n',
  )
}
