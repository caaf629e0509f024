/**
 * What a directory of Prometheus holds: its data directory after a stop, or a snapshot of it.
 *
 * - A running Prometheus is refused: its log grows and its blocks come and go. Its snapshot API leaves what can be read.
 * - A block that was merged into another one that is there is left out, as Prometheus does when it starts.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AssayError, messageOf } from '#core'
import { DamagedError } from '../codec/bytes.ts'
import { hasCode } from '../data-dir.ts'
import { type BlockFacts, BlockSource, readFacts } from './block-source.ts'
import { LogSource } from './log-source.ts'
import type { Skipped, Source } from './source.ts'

const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/

/**
 * In order of time, blocks before the log. Throws `ASSAY_IMPORT`: there is nothing of Prometheus', or it runs. Damaged blocks are told in
 * `skipped`.
 */
export function openSources(dir: string, skipped: Skipped): readonly Source[] & Disposable {
  using owned = new DisposableStack()
  const names = namesIn(dir)
  if (isLocked(join(dir, 'lock')))
    throw new AssayError(
      'ASSAY_IMPORT',
      `a running Prometheus writes to ${dir}; stop it, or start it with --web.enable-admin-api, POST to /api/v1/admin/tsdb/snapshot, and import ${join(dir, 'snapshots', 'NAME')}`,
    )
  if (names.includes('assay.json'))
    throw new AssayError('ASSAY_IMPORT', `${dir} is assay's own data directory; "assay serve --data ${dir}" opens it`)
  const folders = names.filter((name) => ULID.test(name))
  const hasLog = names.includes('wal')
  if (folders.length === 0 && !hasLog)
    throw new AssayError(
      'ASSAY_IMPORT',
      `${dir} holds neither blocks nor a log of Prometheus; name its --storage.tsdb.path, or one of its snapshots`,
    )
  const found: { readonly facts: BlockFacts; readonly dir: string }[] = []
  for (const name of folders) {
    tryRead(skipped, name, () => void found.push({ facts: readFacts(join(dir, name)), dir: join(dir, name) }))
  }
  const merged = new Set(found.flatMap(({ facts }) => facts.parents))
  const blocks = found.filter(({ facts }) => !merged.has(facts.ulid)).sort((a, b) => a.facts.minTime - b.facts.minTime)
  const sources: Source[] = []
  for (const { facts, dir: folder } of blocks) {
    tryRead(skipped, facts.ulid, () => void sources.push(owned.use(new BlockSource(folder, facts, skipped))))
  }
  if (hasLog) {
    const end = blocks.reduce(
      (last, { facts }) => (facts.isOutOfOrder ? last : Math.max(last, facts.maxTime)),
      -Infinity,
    )
    const log = owned.use(new LogSource({ wal: join(dir, 'wal'), wbl: join(dir, 'wbl') }, end, skipped))
    if (log.minTime <= log.maxTime) sources.push(log)
  }
  const all = owned.move()
  return Object.assign(sources, { [Symbol.dispose]: () => all.dispose() })
}

function tryRead(skipped: Skipped, name: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    const isMissing = hasCode(error, 'ENOENT')
    if (!(error instanceof DamagedError) && !isMissing) throw error
    skipped.add('damaged block', `${name}: ${messageOf(error)}`)
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch (cause) {
    throw new AssayError('ASSAY_IMPORT', `${dir} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** Whether a living process holds the file's lock. Where the system does not tell, nobody does. */
function isLocked(file: string): boolean {
  if (!existsSync(file)) return false
  try {
    const { ino } = statSync(file)
    // `1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF`
    return readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .some((line) => line.split(/\s+/)[5]?.split(':')[2] === String(ino))
  } catch {
    return false
  }
}
