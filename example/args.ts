/** The demo's command line. */
import { DemoError } from './demo-error.ts'
import { DEFAULT_PORT } from './ports.ts'

export type Args = {
  readonly port: number
  readonly data: string
  readonly load: boolean
  readonly assay: boolean
  readonly help: boolean
}

export const USAGE = `npm run demo -- [--port N] [--data DIR] [--no-load] [--no-assay]

  --port N     where assay listens; the company takes numbers up to N + 39 (default ${DEFAULT_PORT})
  --data DIR   where everything is kept (default .assay/demo)
  --no-load    no customers, staff and partners
  --no-assay   the company alone`

/** Throws `ASSAY_DEMO_USAGE`. `--name value` and `--name=value` are the same. */
export function parseArgs(argv: readonly string[]): Args {
  let args: Args = { port: DEFAULT_PORT, data: '.assay/demo', load: true, assay: true, help: false }
  const words = argv.flatMap((word) =>
    /^--\w+=/.test(word) ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] : [word],
  )
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    switch (word) {
      case '--port':
        args = { ...args, port: portOf(valueAfter(words, i++)) }
        break
      case '--data':
        args = { ...args, data: valueAfter(words, i++) }
        break
      case '--no-load':
        args = { ...args, load: false }
        break
      case '--no-assay':
        args = { ...args, assay: false }
        break
      case '--help':
      case '-h':
        args = { ...args, help: true }
        break
      default:
        throw new DemoError('ASSAY_DEMO_USAGE', `${word}: there is no such option.\n\n${USAGE}`)
    }
  }
  return args
}

function valueAfter(words: readonly string[], i: number): string {
  const value = words[i + 1]
  if (value === undefined || value === '' || value.startsWith('--'))
    throw new DemoError('ASSAY_DEMO_USAGE', `${words[i]} needs a value.\n\n${USAGE}`)
  return value
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new DemoError('ASSAY_DEMO_USAGE', `--port ${text}: write a number.\n\n${USAGE}`)
  return Number(text)
}
