/** `npm run demo`: the example company with assay beside it, in the foreground. */
import { parseArgs, USAGE } from './args.ts'
import { killAll, runDemo } from './demo.ts'
import { DemoError, messageOf } from './demo-error.ts'

const say = (line: string) => void process.stdout.write(`${line}\n`)

try {
  const args = parseArgs(process.argv.slice(2))
  if (args.help) say(USAGE)
  else {
    const stop = new AbortController()
    const onSignal = (name: NodeJS.Signals) => {
      if (stop.signal.aborted) {
        // A second one means: now.
        killAll(args.data)
        process.exit(130)
      }
      stop.abort(new DemoError('ASSAY_DEMO_STOPPED', `stopped by ${name}`))
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
    await runDemo({ ...args, say, signal: stop.signal })
    say('stopped')
  }
  process.exit(0)
} catch (err) {
  if (err instanceof DemoError && err.code === 'ASSAY_DEMO_STOPPED') process.exit(0)
  process.stderr.write(
    `${err instanceof DemoError ? `${err.message} (${err.code})` : err instanceof Error ? err.stack : messageOf(err)}\n`,
  )
  process.exit(err instanceof DemoError && err.code === 'ASSAY_DEMO_USAGE' ? 2 : 1)
}
