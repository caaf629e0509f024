/**
 * Keeps the list of all targets current: static ones at once, files as they change.
 *
 * - `onChange` gets the whole list, first before `discover` resolves, then whenever files changed it.
 * - A broken file or target is a problem to show, never a reason for the others to stop.
 */
import type { Clock, Log, Text } from '#core'
import { type FileGroups, readTargetFiles } from './file-sd.ts'
import { httpReader } from './http-reader.ts'
import { checkRelabel } from './relabel.ts'
import { type DiscoveredTargets, type ReaderOf, type TargetGroup, targetsOf } from './targets-of.ts'
import type { ScrapeConfig } from './types.ts'

export type DiscoverDeps = {
  readonly clock: Clock
  readonly log: Log
  /** Resolves references to the environment; throws when one is not set. */
  readonly resolve: (text: Text) => string
  readonly onChange: (found: DiscoveredTargets) => void
  /** The version assay calls itself towards targets. */
  readonly version?: string
}

export interface Discovery extends AsyncDisposable {
  current(): DiscoveredTargets
}

/** Throws `ASSAY_SCRAPE_RELABEL`, `ASSAY_REGEX`, `ASSAY_ENV_MISSING`: what is wrong with the configuration itself. */
export async function discover(configs: readonly ScrapeConfig[], deps: DiscoverDeps): Promise<Discovery> {
  const stopping = new AbortController()
  const pools = configs.map((config) => new Pool(config, httpReaders(config, deps)))
  for (const config of configs) {
    checkRelabel(config.relabelConfigs)
    checkRelabel(config.metricRelabelConfigs)
  }
  await Promise.all(pools.map((pool) => pool.refresh()))
  let current = merge(pools)
  const report = (before: readonly string[]) => {
    for (const problem of current.problems)
      if (!before.includes(problem)) deps.log.warn({ problem }, 'a target cannot be used')
  }
  report([])
  deps.onChange(current)
  const polls = pools.map(async (pool) => {
    const refreshMs = Math.min(...pool.config.fileSdConfigs.map((one) => one.refreshMs))
    if (!Number.isFinite(refreshMs)) return
    while (!stopping.signal.aborted) {
      await deps.clock.sleep(refreshMs, stopping.signal)
      if (stopping.signal.aborted || !(await pool.refresh()) || stopping.signal.aborted) continue
      const before = current.problems
      current = merge(pools)
      report(before)
      deps.onChange(current)
    }
  })
  return {
    current: () => current,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.all(polls)
    },
  }
}

/** One job: its groups as last read. */
class Pool {
  readonly config: ScrapeConfig
  readonly #readerOf: ReaderOf
  #files: FileGroups = new Map()
  #seen = ''
  found: DiscoveredTargets = { targets: [], dropped: [], problems: [] }

  constructor(config: ScrapeConfig, readerOf: ReaderOf) {
    this.config = config
    this.#readerOf = readerOf
  }

  /** Reads again; true when anything differs from the last time. */
  async refresh(): Promise<boolean> {
    const patterns = this.config.fileSdConfigs.flatMap((one) => one.files)
    const { groups, problems } = await readTargetFiles(patterns, this.#files)
    const all: TargetGroup[] = [...this.config.staticConfigs, ...[...groups.values()].flat()]
    const seen = JSON.stringify([all, problems])
    if (seen === this.#seen) return false
    this.#seen = seen
    this.#files = groups
    const found = targetsOf(this.config, all, this.#readerOf)
    this.found = { ...found, problems: [...problems.map((one) => `${this.config.jobName}: ${one}`), ...found.problems] }
    return true
  }
}

function merge(pools: readonly Pool[]): DiscoveredTargets {
  return {
    targets: pools.flatMap((pool) => pool.found.targets),
    dropped: pools.flatMap((pool) => pool.found.dropped),
    problems: pools.flatMap((pool) => pool.found.problems),
  }
}

/** Readers over HTTP with the job's credentials, which are resolved once, now. */
function httpReaders(config: ScrapeConfig, { resolve, version }: DiscoverDeps): ReaderOf {
  const authorization = authorizationOf(config, resolve)
  return ({ url, timeoutMs }) =>
    httpReader({
      url,
      timeoutMs,
      ...(version === undefined ? {} : { version }),
      ...(authorization === undefined ? {} : { authorization }),
      ...(config.limits.bodySizeBytes === undefined ? {} : { bodySizeBytes: config.limits.bodySizeBytes }),
      ...(config.followRedirects === undefined ? {} : { followRedirects: config.followRedirects }),
      ...(config.fallbackFormat === undefined ? {} : { fallbackFormat: config.fallbackFormat }),
    })
}

function authorizationOf(config: ScrapeConfig, resolve: (text: Text) => string): string | undefined {
  if (config.basicAuth !== undefined) {
    const { username, password } = config.basicAuth
    return `Basic ${Buffer.from(`${username}:${resolve(password)}`).toString('base64')}`
  }
  if (config.authorization !== undefined)
    return `${config.authorization.type || 'Bearer'} ${resolve(config.authorization.credentials)}`
  return undefined
}
