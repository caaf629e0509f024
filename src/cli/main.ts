/**
 * The command line: `assay <command>`.
 */
import { AssayError } from '#core'
import { callDemo, demoStatus, formatStatus, runDemo } from './demo.ts'
import { type Flag, formatFlags, parseFlags } from './options.ts'
import { runToExit } from './run.ts'
import { SERVE_FLAGS } from './serve-flags.ts'
import { BACKUP_FLAGS, IMPORT_FLAGS, RESTORE_FLAGS } from './store-flags.ts'
import { VERSION } from './version.ts'

type Command = {
  readonly usage: string
  readonly summary: string
  readonly flags: readonly Flag[]
  readonly run: (values: ReadonlyMap<string, string>, rest: readonly string[], signal: AbortSignal) => Promise<number>
}

const JSON_FLAG: Flag = { name: 'json', help: 'print JSON' }
const CONFIG_FLAG: Flag = {
  name: 'config',
  value: 'FILE',
  default: 'assay.config.ts',
  aliases: ['config.file'],
  help: 'a definition or a prometheus.yml',
}
const DEMO_FLAGS: readonly Flag[] = [
  { name: 'port', value: 'PORT', default: '2424', help: 'where assay answers; the demo takes the ports after it too' },
  { name: 'data', value: 'DIR', help: 'where the demo keeps everything (.assay/demo)' },
  { name: 'load', help: 'customers, staff and partners; --no-load leaves the company alone' },
  JSON_FLAG,
]

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    usage: 'assay serve [--config FILE] [--listen HOST:PORT] [--data DIR]',
    summary: 'Runs everything: scrape, store, query, judge, act, and the UI.',
    flags: SERVE_FLAGS,
    // Loaded when it is asked for: the short commands need none of the rooms.
    run: async (values, rest, signal) => (await import('./serve.ts')).serve(values, rest, signal),
  },
  check: {
    usage: 'assay check [FILE] [--json]',
    summary:
      'Validates a configuration and its rules. Exit 1 when something is wrong, with the place and what to write instead.',
    flags: [CONFIG_FLAG, JSON_FLAG],
    run: runCheck,
  },
  backup: {
    usage: 'assay backup DIR|FILE.tar [--data DIR | --url URL]',
    summary: 'Copies everything, also while assay runs. Into a directory it copies only what is new.',
    flags: BACKUP_FLAGS,
    run: async (values, rest, signal) => (await import('./backup.ts')).runBackup(values, rest, signal),
  },
  restore: {
    usage: 'assay restore DIR|FILE.tar [--data DIR]',
    summary: 'Brings a backup back into an empty data directory, and checks every byte of it.',
    flags: RESTORE_FLAGS,
    run: async (values, rest, signal) => (await import('./backup.ts')).runRestore(values, rest, signal),
  },
  import: {
    usage: 'assay import --from-prometheus DIR [--data DIR]',
    summary: "Moves a Prometheus' history into the data directory. Run again, it adds nothing twice.",
    flags: IMPORT_FLAGS,
    run: async (values, rest, signal) => (await import('./import.ts')).runImport(values, rest, signal),
  },
  demo: {
    usage: 'assay demo [break FAULT | heal [FAULT] | status] [--port PORT]',
    summary: 'The example company with assay watching it; breaks it and heals it by one call.',
    flags: DEMO_FLAGS,
    run: runDemoCommand,
  },
}

async function runCheck(values: ReadonlyMap<string, string>, rest: readonly string[]): Promise<number> {
  const { check } = await import('./check.ts')
  const { findings, notes } = await check(rest[0] ?? values.get('config') ?? 'assay.config.ts', process.env)
  if (values.has('json')) print(JSON.stringify({ findings, notes }))
  else {
    for (const { place, message } of findings) print(place === '' ? message : `${place}: ${message}`)
    for (const note of notes) print(note)
    print(
      findings.length === 0 ? 'ok' : `${findings.length} ${findings.length === 1 ? 'thing is' : 'things are'} wrong`,
    )
  }
  return findings.length === 0 ? 0 : 1
}

async function runDemoCommand(
  values: ReadonlyMap<string, string>,
  rest: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const port = Number(values.get('port'))
  if (!Number.isInteger(port) || port < 1 || port > 65_000)
    throw new AssayError('ASSAY_USAGE', `--port ${values.get('port')}: write a port between 1 and 65000`)
  const [action, fault] = rest
  switch (action) {
    case undefined: {
      const passed = ['--port', String(port)]
      if (values.has('data')) passed.push('--data', values.get('data') ?? '')
      if (values.get('load') === 'false') passed.push('--no-load')
      return await runDemo(passed, signal)
    }
    case 'break': {
      if (fault === undefined) {
        const { faults } = await demoStatus(port)
        throw new AssayError(
          'ASSAY_USAGE',
          `assay demo break: name a fault, one of ${faults.map(({ name }) => name).join(', ')}`,
        )
      }
      await callDemo(port, 'POST', `/break/${encodeURIComponent(fault)}`)
      print(
        values.has('json')
          ? JSON.stringify({ broken: fault })
          : `${fault} is broken; watch http://127.0.0.1:${port}, and heal it with: assay demo heal ${fault}`,
      )
      return 0
    }
    case 'heal':
      await callDemo(port, 'POST', fault === undefined ? '/heal' : `/heal/${encodeURIComponent(fault)}`)
      print(values.has('json') ? JSON.stringify({ healed: fault ?? 'all' }) : `${fault ?? 'every fault'} is healed`)
      return 0
    case 'status': {
      const status = await demoStatus(port)
      print(values.has('json') ? JSON.stringify(status) : formatStatus(status).trimEnd())
      return 0
    }
    default:
      throw new AssayError(
        'ASSAY_USAGE',
        `assay demo: ${JSON.stringify(action)} is no action; write break FAULT, heal [FAULT] or status`,
      )
  }
}

function help(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 2
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`)
  return [
    'usage: assay <command> [flags]',
    '',
    ...rows,
    '',
    '"assay <command> --help" tells its flags. "assay --version" tells the version.',
    '',
  ].join('\n')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Runs one command line; resolves with the exit code. */
export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const [name, ...more] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help())
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === 'version') {
    print(`assay ${VERSION}`)
    return 0
  }
  const command = COMMANDS[name]
  if (command === undefined)
    throw new AssayError(
      'ASSAY_USAGE',
      `assay: ${JSON.stringify(name)} is no command; there are ${Object.keys(COMMANDS).join(', ')}`,
    )
  if (more.includes('--help') || more.includes('-h')) {
    process.stdout.write(formatFlags(command.usage, command.summary, command.flags))
    return 0
  }
  const { values, rest } = parseFlags(name, command.flags, more, process.env)
  return await command.run(values, rest, signal)
}

await runToExit((signal) => main(process.argv.slice(2), signal))
