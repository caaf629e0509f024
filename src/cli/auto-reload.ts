/**
 * The feature `auto-reload-config`: files of the configuration are looked at again and again, and read anew when one has changed.
 *
 * - What counts is their content, not their time: a file that was touched has not changed.
 * - A configuration that is refused is tried again only when a file changes once more.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '#core'

/** Runs until `signal` aborts. `files` names them anew each time: a rule file may have been added. */
export async function autoReload(
  options: {
    readonly clock: Clock
    readonly everyMs: number
    readonly files: () => Promise<readonly string[]>
    readonly reload: () => Promise<void>
  },
  signal: AbortSignal,
): Promise<void> {
  let known = await fingerprint(await options.files())
  for await (const _ of options.clock.ticks(options.everyMs, signal)) {
    const now = await fingerprint(await options.files())
    if (now === known) continue
    known = now
    await options.reload()
  }
}

/** A file that can't be read counts as one without content: its loss is a change, and reading the configuration says the rest. */
async function fingerprint(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files.toSorted()) {
    const content = await readFile(file).catch(() => Buffer.alloc(0))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}
