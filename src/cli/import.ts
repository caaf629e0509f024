/** `assay import --from-prometheus DIR`: moves a Prometheus' history into the data directory. */
import { AssayError, systemClock } from '#core'
import { type ImportReport, importPrometheus } from '#tsdb'
import { openLog } from './log.ts'
import { grouped, Progress } from './progress.ts'

/** Resolves with the exit code: 1 when something was left out, 130 after Ctrl-C. */
export async function runImport(
  values: ReadonlyMap<string, string>,
  rest: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const from = values.get('from-prometheus')
  if (from === undefined || rest.length > 0)
    throw new AssayError(
      'ASSAY_USAGE',
      'assay import: name a directory: assay import --from-prometheus DIR [--data DIR]',
    )
  const data = values.get('data') ?? '.assay'
  const progress = new Progress(() => systemClock.now())
  let blocks = 0
  try {
    const report = await importPrometheus(
      {
        from,
        data,
        clock: systemClock,
        log: openLog('warn'),
        onProgress: (state) => {
          blocks = state.blocks
          progress.tell(
            () =>
              `importing: ${Math.floor(state.done * 100)} %, ${grouped(state.samples)} samples, ${state.blocks} blocks`,
          )
        },
      },
      signal,
    )
    progress[Symbol.dispose]()
    process.stdout.write(values.has('json') ? `${JSON.stringify(report)}\n` : formatReport(report, data))
    return report.skipped.some(({ reason }) => !reason.startsWith('exemplars')) ? 1 : 0
  } catch (error) {
    progress[Symbol.dispose]()
    if (signal.aborted) {
      process.stderr.write(`stopped; ${blocks} blocks are whole and stay in ${data}, run it again to go on\n`)
      return 130
    }
    if (error instanceof AssayError && error.code === 'ASSAY_DATA_LOCKED')
      throw new AssayError(
        'ASSAY_DATA_LOCKED',
        `${error.message}; when that is assay itself, stop it, import, and start it again`,
        {
          cause: error,
        },
      )
    throw error
  } finally {
    progress[Symbol.dispose]()
  }
}

function formatReport(
  { sources, series, samples, blocks, minTime, maxTime, skipped }: ImportReport,
  data: string,
): string {
  if (minTime === undefined || maxTime === undefined) return 'there was nothing to import\n'
  const instant = (at: number) => new Date(at).toISOString()
  const lines = [
    samples === 0
      ? `nothing was added: ${data} has all of it already`
      : `imported ${grouped(samples)} samples of ${grouped(series)} series into ${blocks} blocks of ${data}`,
    `from ${instant(minTime)} to ${instant(maxTime)}, out of ${sourcesText(sources)}`,
    ...skipped.map(
      ({ reason, count, first }) =>
        `left out: ${reason}, ${grouped(count)} ${count === 1 ? 'time' : 'times'}, first ${first}`,
    ),
    'assay serve keeps 15 days unless --retention says more; what is older is deleted',
  ]
  return `${lines.join('\n')}\n`
}

function sourcesText(sources: readonly string[]): string {
  const blocks = sources.filter((name) => name !== 'the log').length
  const texts = [`${blocks} ${blocks === 1 ? 'block' : 'blocks'}`, ...(blocks < sources.length ? ['the log'] : [])]
  return texts.join(' and ')
}
