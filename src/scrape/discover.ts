/**
 * Keeps the list of all targets current: static ones at once, files, servers and names as they change.
 *
 * - `onChange` gets the whole list, first before `discover` resolves (static targets and files), then whenever something changed it.
 * - A source that fails keeps the targets it named last; that, or a broken target, is a problem to show, never a reason for the
 *   others to stop.
 */
import { Resolver } from 'node:dns/promises'
import {
  AssayError,
  type Clock,
  createHttpClient,
  type HttpClient,
  type Log,
  messageOf,
  type SecretText,
  type Text,
} from '#core'
import { askBeside } from './ask-beside.ts'
import { type DnsResolver, lookUpTargets } from './dns-sd.ts'
import { type FileGroups, readTargetFiles } from './file-sd.ts'
import { httpReader } from './http-reader.ts'
import { readTargetUrl } from './http-sd.ts'
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
  /** Default: the name servers of the system. */
  readonly resolver?: DnsResolver
}

export interface Discovery extends AsyncDisposable {
  current(): DiscoveredTargets
}

/** Throws `ASSAY_SCRAPE_RELABEL`, `ASSAY_REGEX`, `ASSAY_ENV_MISSING`: what is wrong with the configuration itself. */
export async function discover(configs: readonly ScrapeConfig[], deps: DiscoverDeps): Promise<Discovery> {
  const stopping = new AbortController()
  using owned = new DisposableStack()
  for (const config of configs) {
    checkRelabel(config.relabelConfigs)
    checkRelabel(config.metricRelabelConfigs)
    checkSecrets(config, deps.resolve)
  }
  const pools = configs.map((config) => {
    const client = owned.use(clientOf(config, deps))
    return new Pool(config, readerOf(config, client, deps), sourcesOf(config, deps, owned))
  })
  await Promise.all(pools.map((pool) => pool.start()))
  let current = merge(pools)
  const report = (before: readonly string[]) => {
    for (const problem of current.problems)
      if (!before.includes(problem)) deps.log.warn({ problem }, 'a target cannot be used')
  }
  report([])
  deps.onChange(current)
  const changed = () => {
    const before = current.problems
    current = merge(pools)
    report(before)
    deps.onChange(current)
  }
  const polls = pools.flatMap((pool) => pool.follow(deps.clock, changed, stopping.signal))
  const clients = owned.move()
  return {
    current: () => current,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.all(polls)
      clients.dispose()
    },
  }
}

/** Where a job's targets come from, besides its own file. */
type Source = {
  readonly refreshMs: number
  /** Quick enough to be waited for at the start. */
  readonly local: boolean
  /** All groups; a part that fails is as it was, with a sentence. Never rejects. */
  readonly refresh: (signal: AbortSignal) => Promise<Sourced>
}
type Sourced = { readonly groups: readonly TargetGroup[]; readonly problems: readonly string[] }

/** One job: its groups as last read. */
class Pool {
  readonly #config: ScrapeConfig
  readonly #readerOf: ReaderOf
  readonly #sources: readonly Source[]
  readonly #sourced: Sourced[]
  #seen = ''
  found: DiscoveredTargets = { targets: [], dropped: [], problems: [] }

  constructor(config: ScrapeConfig, readerOf: ReaderOf, sources: readonly Source[]) {
    this.#config = config
    this.#readerOf = readerOf
    this.#sources = sources
    this.#sourced = sources.map(() => ({ groups: [], problems: [] }))
  }

  async start(): Promise<void> {
    const never = new AbortController().signal
    await Promise.all(
      this.#sources.map(async (source, i) => {
        if (source.local) this.#sourced[i] = await source.refresh(never)
      }),
    )
    this.#settle()
  }

  /** One loop a source. */
  follow(clock: Clock, changed: () => void, signal: AbortSignal): readonly Promise<void>[] {
    return this.#sources.map(async (source, i) => {
      for (let first = !source.local; !signal.aborted; first = false) {
        if (!first) await clock.sleep(source.refreshMs, signal)
        if (signal.aborted) return
        const sourced = await source.refresh(signal)
        if (signal.aborted) return
        this.#sourced[i] = sourced
        if (this.#settle()) changed()
      }
    })
  }

  /** Makes targets of what the sources hold; true when it differs from the last time. */
  #settle(): boolean {
    const groups = [...this.#config.staticConfigs, ...this.#sourced.flatMap((one) => one.groups)]
    const problems = this.#sourced.flatMap((one) => one.problems)
    const seen = JSON.stringify([groups, problems])
    if (seen === this.#seen) return false
    this.#seen = seen
    const found = targetsOf(this.#config, groups, this.#readerOf)
    this.found = {
      ...found,
      problems: [...problems.map((one) => `${this.#config.jobName}: ${one}`), ...found.problems],
    }
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

function sourcesOf(config: ScrapeConfig, deps: DiscoverDeps, owned: DisposableStack): readonly Source[] {
  const { fileSdConfigs, httpSdConfigs = [], dnsSdConfigs = [] } = config
  return [
    ...fileSdConfigs.map(({ files, refreshMs }): Source => {
      let before: FileGroups = new Map()
      const refresh = async () => {
        const { groups, problems } = await readTargetFiles(files, before)
        before = groups
        return { groups: [...groups.values()].flat(), problems }
      }
      return { refreshMs, local: true, refresh }
    }),
    ...httpSdConfigs.map((sd): Source => {
      const client = owned.use(
        createHttpClient(sd, { resolve: deps.resolve, monotonicMs: () => deps.clock.monotonicMs() }),
      )
      const ask = (signal: AbortSignal) => readTargetUrl(sd, client, { ...versionOf(deps), signal })
      return {
        refreshMs: sd.refreshMs,
        local: false,
        refresh: keeping(['http_sd'], deps.clock, sd.refreshMs, (_, signal) => ask(signal)),
      }
    }),
    ...dnsSdConfigs.map((sd): Source => {
      const resolver = deps.resolver ?? new Resolver({ timeout: 5000, tries: 2 })
      const ask = (name: string) => lookUpTargets(name, sd, resolver)
      return { refreshMs: sd.refreshMs, local: false, refresh: keeping(sd.names, deps.clock, sd.refreshMs, ask) }
    }),
  ]
}

/** Asks for each of `names`, within `limitMs`; one that fails keeps what it had, with a sentence. */
function keeping(
  names: readonly string[],
  clock: Clock,
  limitMs: number,
  ask: (name: string, signal: AbortSignal) => Promise<readonly TargetGroup[]>,
): Source['refresh'] {
  const last = new Map<string, readonly TargetGroup[]>()
  return async (signal) => {
    const problems: string[] = []
    const asking = new AbortController()
    const done = new AbortController()
    const given = AbortSignal.any([signal, asking.signal])
    void clock
      .sleep(limitMs, done.signal)
      .then(() => asking.abort(new AssayError('ASSAY_SCRAPE_TIMEOUT', 'no answer in time')))
    await Promise.all(
      names.map(async (name) => {
        try {
          last.set(name, await ask(name, given))
        } catch (thrown) {
          if (!signal.aborted) problems.push(`${name}: ${messageOf(thrown)}; the targets it named last stay`)
        }
      }),
    )
    done.abort()
    return { groups: names.flatMap((name) => last.get(name) ?? []), problems: problems.sort() }
  }
}

function clientOf(config: ScrapeConfig, { resolve, clock }: DiscoverDeps): HttpClient {
  return createHttpClient(config, { resolve, monotonicMs: () => clock.monotonicMs() })
}

function readerOf(config: ScrapeConfig, client: HttpClient, deps: DiscoverDeps): ReaderOf {
  const { limits, protocols, escaping, compression, fallbackFormat } = config
  return ({ url, timeoutMs }) => ({
    read: httpReader({
      url,
      timeoutMs,
      client,
      ...versionOf(deps),
      ...(limits.bodySizeBytes === undefined ? {} : { bodySizeBytes: limits.bodySizeBytes }),
      ...(protocols === undefined ? {} : { protocols }),
      ...(escaping === undefined ? {} : { escaping }),
      ...(compression === undefined ? {} : { compression }),
      ...(fallbackFormat === undefined ? {} : { fallbackFormat }),
    }),
    askBeside: askBeside({ url, client, ...versionOf(deps) }),
  })
}

function versionOf({ version }: DiscoverDeps): { readonly version?: string } {
  return version === undefined ? {} : { version }
}

/** A reference to the environment that is not set is told now, not at the first scrape. */
function checkSecrets({ basicAuth, authorization }: ScrapeConfig, resolve: (text: Text) => string): void {
  const secrets: (SecretText | undefined)[] = [basicAuth?.password, authorization?.credentials]
  for (const secret of secrets)
    if (secret !== undefined && typeof secret !== 'string' && 'env' in secret) resolve(secret)
}
