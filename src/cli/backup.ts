/** `assay backup DIR|FILE` and `assay restore FROM`. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AssayError, messageOf, systemClock } from '#core'
import { copySqliteState } from '#state'
import {
  type BackupProgress,
  type BackupSource,
  openDataDir,
  openLocalBackup,
  openTsdb,
  restoreBackup,
  writeBackup,
} from '#tsdb'
import { openLog } from './log.ts'
import { grouped, Progress, sized } from './progress.ts'
import { openRemoteBackup } from './remote-backup.ts'

type Values = ReadonlyMap<string, string>

/** Resolves with the exit code; 130 after Ctrl-C. */
export async function runBackup(values: Values, rest: readonly string[], signal: AbortSignal): Promise<number> {
  const [target, ...more] = rest
  if (target === undefined || more.length > 0)
    throw new AssayError(
      'ASSAY_USAGE',
      'assay backup: name one directory, or a file that ends in .tar: assay backup DIR',
    )
  const progress = new Progress(() => systemClock.now())
  try {
    await using source = await openSource(values, signal)
    const onProgress = shownBy(progress, 'backing up')
    const report = await writeBackup(source, target, { onProgress }, signal)
    progress[Symbol.dispose]()
    const done = { target, ...report, at: new Date(source.at).toISOString() }
    process.stdout.write(
      values.has('json')
        ? `${JSON.stringify(done)}\n`
        : `backed up ${grouped(report.files)} files, ${sized(report.sizeBytes)}, to ${target}; ${sized(report.copiedBytes)} of it were new\n`,
    )
    return 0
  } catch (error) {
    return stopped(error, signal, progress, `stopped; what ${target} held before still holds`)
  }
}

/** Resolves with the exit code: 1 when a block was damaged before it was backed up, 130 after Ctrl-C. */
export async function runRestore(values: Values, rest: readonly string[], signal: AbortSignal): Promise<number> {
  const [from, ...more] = rest
  if (from === undefined || more.length > 0)
    throw new AssayError('ASSAY_USAGE', 'assay restore: name a backup: assay restore DIR|FILE [--data DIR]')
  const dir = values.get('data') ?? '.assay'
  const progress = new Progress(() => systemClock.now())
  try {
    const onProgress = shownBy(progress, 'restoring')
    const report = await restoreBackup({ from, dir, log: openLog('warn'), onProgress }, signal)
    progress[Symbol.dispose]()
    const at = new Date(report.at).toISOString()
    process.stdout.write(
      values.has('json')
        ? `${JSON.stringify({ ...report, at, data: dir })}\n`
        : `restored ${grouped(report.files)} files, ${sized(report.sizeBytes)}, to ${dir}: as of ${at}; "assay serve --data ${dir}" opens it\n${report.damaged.map((name) => `${name}: was damaged before it was backed up, and is set aside\n`).join('')}`,
    )
    return report.damaged.length === 0 ? 0 : 1
  } catch (error) {
    return stopped(error, signal, progress, `stopped; nothing was left in ${dir}`)
  }
}

/** The server when one is named or runs on the data directory, else the directory itself. */
async function openSource(values: Values, signal: AbortSignal): Promise<BackupSource> {
  const url = values.get('url')
  if (url !== undefined) return await openRemoteBackup(url, signal)
  const data = values.get('data') ?? '.assay'
  const known = await readFile(join(data, 'assay.json'), 'utf8').catch((cause: unknown) => {
    throw new AssayError(
      'ASSAY_BACKUP',
      `${data} is no data directory of assay (${messageOf(cause)}); name one by --data, or a server by --url`,
    )
  })
  await using owned = new AsyncDisposableStack()
  try {
    const directory = owned.use(await openDataDir(data))
    const store = owned.use(await openTsdb({ dir: directory, clock: systemClock, log: openLog('warn') }))
    const source = owned.use(
      await openLocalBackup({ store, directory, at: systemClock.now(), copyState: copySqliteState }),
    )
    const all = owned.move()
    return { ...source, read: (path) => source.read(path), [Symbol.asyncDispose]: () => all.disposeAsync() }
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== 'ASSAY_DATA_LOCKED') throw error
  }
  const server = `http://${DEFAULT_SERVER}`
  const source = await openRemoteBackup(server, signal)
  if (known.includes(source.store)) return source
  await source[Symbol.asyncDispose]()
  throw new AssayError(
    'ASSAY_BACKUP',
    `the assay at ${server} has another data directory than ${data}; name the right one by --url`,
  )
}

/** Where `assay serve` listens unless it is told otherwise. */
const DEFAULT_SERVER = '127.0.0.1:2424'

function shownBy(progress: Progress, what: string): (state: BackupProgress) => void {
  return ({ doneBytes, totalBytes }) =>
    progress.tell(() => {
      const share = totalBytes === 0 ? 100 : Math.min(100, Math.floor((doneBytes / totalBytes) * 100))
      return `${what}: ${share} %, ${sized(doneBytes)} of ${sized(totalBytes)}`
    })
}

function stopped(error: unknown, signal: AbortSignal, progress: Progress, sentence: string): number {
  progress[Symbol.dispose]()
  if (!signal.aborted) throw error
  process.stderr.write(`${sentence}\n`)
  return 130
}
