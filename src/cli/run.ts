/**
 * From a command to the end of its process: signals stop it, what it resolves with is the exit code, what it throws is told in a line.
 */
import { AssayError, messageOf } from '#core'

/** Never rejects. Exit codes: 0 fine, 1 findings or a failure while running, 2 usage or configuration. */
export async function runToExit(command: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second one means it: whatever is still closing is left to the next start.
      if (stop.signal.aborted) process.exit(130)
      stop.abort()
    })
  }
  try {
    process.exitCode = await command(stop.signal)
  } catch (error) {
    const usage = error instanceof AssayError
    process.stderr.write(
      `${usage ? messageOf(error) : `BUG: ${error instanceof Error ? error.stack : String(error)}`}\n`,
    )
    process.exitCode = usage ? 2 : 1
  }
}
