/**
 * `assay serve`: opens every room in order, and closes them in reverse.
 *
 *   data directory -> store or remote engine, state -> engine -> scrape, collectors -> rules -> loop -> server
 */

import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  compileRegex,
  type Log,
  messageOf,
  PageWriter,
  type QueryFn,
  resolveText,
  systemClock,
  type Text,
  unixMs,
} from '#core'
import type { Plan } from '#model'
import { createEngine } from '#promql'
import { createRemoteWriter } from '#remote'
import { createRules } from '#rules'
import { createScraper, type RelabelConfig, relabel } from '#scrape'
import { createServer, type EventWire, Notifications, QueryLog, RELOAD_FAILED, WebConfigFile } from '#server'
import { copySqliteState, openSqliteState } from '#state'
import { DEFAULT_EXEMPLARS, ExemplarStore, latestIn } from '#storage'
import { keepMetadata, openDataDir, openLocalBackup, openTsdb, type Tsdb } from '#tsdb'
import { autoReload } from './auto-reload.ts'
import { type Loaded, loadConfiguration } from './load-definition.ts'
import { openLog } from './log.ts'
import { openLoop } from './loop.ts'
import { withUsers } from './merge-users.ts'
import { openRemoteEngine, receiversOf } from './open-engine.ts'
import { ownMetrics } from './own-metrics.ts'
import { openQueryPaths } from './query-paths.ts'
import { redactYaml } from './redact-config.ts'
import { Scraping } from './scraping.ts'
import { type ServeOptions, serveOptions } from './serve-flags.ts'
import { VERSION } from './version.ts'

/** Queries that wait for a place; those beyond are refused. */
const QUERIES_WAITING = 100

/** Runs until `signal` aborts; resolves with the exit code. */
export async function serve(
  values: ReadonlyMap<string, string>,
  rest: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const options = serveOptions(rest[0] === undefined ? values : new Map([...values, ['config', rest[0]]]))
  const log = openLog(options.logLevel)
  const stop = new AbortController()
  const quit = () => stop.abort()
  signal.addEventListener('abort', quit, { once: true })
  const running = await start(options, log, quit)
  log.info({ url: running.url, version: VERSION, ms: Math.round(process.uptime() * 1000) }, 'ready')
  // Now, and not only at a clean end: the next start may come after a crash. Nothing to do when all of it was compiled before.
  flushCompileCache()
  await new Promise<void>((done) =>
    stop.signal.aborted ? done() : stop.signal.addEventListener('abort', () => done(), { once: true }),
  )
  log.info({}, 'stopping')
  await running[Symbol.asyncDispose]()
  return 0
}

/** Everything, running. */
async function start(
  options: ServeOptions,
  log: Log,
  quit: () => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  await using owned = new AsyncDisposableStack()
  const clock = systemClock
  const startedAt = clock.now()
  const listeners = new Set<(event: EventWire) => void>()
  const emit = (event: EventWire) => {
    for (const listener of listeners) listener(event)
  }
  const resolveSecret = (text: Text) => resolveText(text, process.env)

  const web = options.webConfig === undefined ? undefined : new WebConfigFile(options.webConfig, { clock, log })
  if (web !== undefined && web.config.users.size > 0 && web.secure === undefined)
    log.warn({}, `${options.webConfig}: passwords travel as they are; write tls_server_config to hide them`)
  const load = async (): Promise<Loaded> => {
    const read = await loadConfiguration(options.config, options.features)
    return { ...read, plan: withUsers(read.plan, options.mergeUsers) }
  }
  let loaded = await load()
  for (const warning of [...options.notes, ...loaded.warnings]) log.warn({}, warning)
  checkSecrets(loaded.plan)

  const directory = owned.use(await openDataDir(options.data))
  const metadata = owned.use(await keepMetadata({ file: directory.metadataFile, clock, log })).store
  // Ends after the store, so that it has heard of the last commit.
  const writer = owned.use(
    createRemoteWriter<RelabelConfig>({
      clock,
      log,
      metadata,
      relabel,
      resolve: resolveSecret,
      version: VERSION,
      flushDeadlineMs: options.remoteFlushMs,
      ...(options.remoteSpool.maxBytes === 0
        ? {}
        : { spool: { dir: join(options.data, 'remote-write'), ...options.remoteSpool } }),
    }),
  )
  const { retentionMs = options.retentionMs, retentionBytes = options.retentionBytes } = loaded.plan.storage ?? {}
  const engineDeps = { clock, log, resolve: resolveSecret, onCommit: writer.commit, lookbackMs: options.lookbackMs }
  const remote =
    options.remoteEngine === undefined ? undefined : owned.use(await openRemoteEngine(options.remoteEngine, engineDeps))
  const tsdb =
    remote !== undefined
      ? undefined
      : owned.use(
          await openTsdb({
            dir: directory,
            clock,
            log,
            onCommit: writer.commit,
            retentionMs,
            ...(retentionBytes === undefined ? {} : { retentionBytes }),
          }),
        )
  const store = tsdb ?? remote!.store
  const latest = remote?.reading.latest ?? latestIn(store)
  const state = owned.use(await openSqliteState({ file: directory.stateFile }))
  const { features } = options
  const exemplars = features.has('exemplar-storage')
    ? { exemplars: new ExemplarStore({ onTaken: writer.exemplar }) }
    : {}
  const applyStorage = ({ storage }: Plan) => {
    store.setOutOfOrderWindow(storage?.outOfOrderWindowMs ?? 0)
    exemplars.exemplars?.resize(storage?.maxExemplars ?? DEFAULT_EXEMPLARS)
  }
  applyStorage(loaded.plan)
  const settings = {
    store: (from: number, to: number) => store.querier(unixMs(from), unixMs(to)),
    limits: { maxSamples: options.maxSamples },
    lookbackMs: options.lookbackMs,
    features,
    clock,
  }
  // Subqueries without a step go by the interval of evaluation, which another configuration may change.
  const engineFor = (plan: Plan) =>
    remote?.reading ?? createEngine({ ...settings, subqueryStepMs: plan.evaluationIntervalMs })
  let engine = engineFor(loaded.plan)
  const queryLog = owned.use(new QueryLog({ clock, log }))
  await queryLog.apply(loaded.plan.queryLogFile)
  const here: QueryFn = (promql, when, signal) => engine.query(promql, when, signal)
  const paths =
    tsdb === undefined
      ? undefined
      : owned.use(
          openQueryPaths({
            ...{ store: tsdb, here, clock, log, features, maxSamples: options.maxSamples },
            subqueryStepMs: () => loaded.plan.evaluationIntervalMs,
            lookbackMs: options.lookbackMs,
            threads: options.queryThreads,
          }),
        )
  const query = queryLog.over(paths?.query ?? here)

  const rooms: (() => string)[] = [() => queryLog.metrics()]
  const own = () => ownMetrics({ clock, startedAt, store: tsdb, rooms })
  const scraper = owned.use(createScraper({ clock, log, store, metadata, features, ...exemplars }))
  rooms.push(() => scraper.metrics())
  rooms.push(() => writer.metrics())
  if (paths !== undefined) rooms.push(paths.metrics)
  if (remote !== undefined) rooms.push(() => remote.metrics())

  const loop = owned.use(
    await openLoop({
      plan: loaded.plan,
      state,
      query,
      targets: () => scraper.status(),
      clock,
      log,
      resolve: resolveSecret,
      emit,
      url:
        options.externalUrl ??
        `${web?.secure === undefined ? 'http' : 'https'}://${options.listen.host}:${options.listen.port}`,
    }),
  )
  rooms.push(() => loop.metrics())
  const rules = owned.use(
    createRules({
      query,
      store,
      latest,
      clock,
      log,
      sink: (alerts, group, at) => {
        loop.sink(alerts, group, at)
        emit({ kind: 'overview' })
      },
      externalLabels: loaded.plan.externalLabels,
      outageToleranceMs: options.outageToleranceMs,
      forGraceMs: options.forGraceMs,
      ...(options.externalUrl === undefined ? {} : { externalUrl: options.externalUrl }),
    }),
  )

  const share = {
    ...(options.shard === undefined ? {} : { shard: options.shard }),
    ...(remote === undefined && options.shard === undefined
      ? {}
      : { instance: `${hostname()}:${options.listen.port}` }),
  }
  const scraping = owned.use(new Scraping(scraper, log, resolveSecret, own, share, state))
  await writer.apply(receiversOf(loaded.plan, remote), loaded.plan.externalLabels)
  await scraping.apply(loaded.plan)
  // Those who share a store see the same: what a rule says, and does, is said and done once.
  const isJudge = remote === undefined || (options.shard?.index ?? 0) === 0
  if (!isJudge) log.info({}, 'rules and policies are the business of the first shard; this one scrapes')
  const rulesOf = ({ ruleGroups }: Plan) => (isJudge ? ruleGroups : [])
  rules.apply(rulesOf(loaded.plan))

  let configLoad = { ok: true, at: clock.now() }
  rooms.push(() => configMetrics(configLoad))
  const notifications = new Notifications(clock, options.maxNotificationFollowers)
  const read = async () => {
    const next = await load()
    checkSecrets(next.plan)
    await queryLog.apply(next.plan.queryLogFile)
    rules.apply(rulesOf(next.plan))
    loaded = next
    applyStorage(next.plan)
    engine = engineFor(next.plan)
    await writer.apply(receiversOf(next.plan, remote), next.plan.externalLabels)
    await scraping.apply(next.plan)
    await loop.apply(next.plan)
  }
  const reload = async () => {
    try {
      await read()
    } catch (error) {
      configLoad = { ...configLoad, ok: false }
      notifications.add(RELOAD_FAILED)
      throw error
    }
    configLoad = { ok: true, at: clock.now() }
    notifications.remove(RELOAD_FAILED)
    log.info({ parts: loaded.plan.parts.length }, 'the configuration is read anew')
    emit({ kind: 'overview' })
  }
  const tryReload = () =>
    reload().catch((error: unknown) =>
      log.error({ err: messageOf(error) }, 'the configuration is refused, the old one stays'),
    )
  const reloadOnSignal = () => void tryReload()
  process.on('SIGHUP', reloadOnSignal)
  owned.defer(() => void process.off('SIGHUP', reloadOnSignal))
  if (features.has('auto-reload-config')) {
    const watching = new AbortController()
    const watch = autoReload(
      { clock, everyMs: options.autoReloadMs, files: async () => loaded.files, reload: tryReload },
      watching.signal,
    )
    owned.defer(async () => {
      watching.abort()
      await watch
    })
  }

  const backupOf = (from: Tsdb) =>
    openLocalBackup({ store: from, directory, at: clock.now(), copyState: copySqliteState })
  const server = owned.use(
    await createServer(
      {
        clock,
        log,
        plan: () => loaded.plan,
        query,
        ...(paths === undefined ? {} : { bodies: queryLog.overBodies(paths.bodies), list: paths.list }),
        store,
        latest,
        ...(remote === undefined ? {} : { forward: remote.forward }),
        blocks: () => tsdb?.blocks() ?? [],
        metadata,
        ...exemplars,
        targets: () => scraper.status(),
        droppedTargets: () => scraper.dropped(),
        ruleGroups: () => rules.status(),
        loop,
        subscribe(listener) {
          listeners.add(listener)
          return { [Symbol.dispose]: () => void listeners.delete(listener) }
        },
        ownMetrics: own,
        ...(options.lifecycle ? { reload, quit } : {}),
        ...(options.adminApi && tsdb !== undefined ? { admin: tsdb, backup: () => backupOf(tsdb) } : {}),
        flags: options.flags,
        configText: () => configText(loaded),
        startedAt,
        features,
        configLoad: () => configLoad,
        notifications,
        lookbackMs: options.lookbackMs,
        webRoot: webRoot(),
        limits: { maxSamples: options.maxSamples, queryTimeoutMs: options.queryTimeoutMs, maxPoints: 11_000 },
      },
      {
        listen: options.listen,
        queries: { running: options.queryConcurrency, waiting: QUERIES_WAITING },
        maxConnections: options.maxConnections,
        readTimeoutMs: options.readTimeoutMs,
        remoteRead: options.remoteRead,
        writeLimits: options.writeLimits,
        ...(web === undefined ? {} : { web }),
        ...(options.corsOrigin === undefined ? {} : { cors: compileRegex(options.corsOrigin) }),
        ...(options.routePrefix === undefined ? {} : { routePrefix: options.routePrefix }),
        ...(options.externalUrl === undefined ? {} : { externalUrl: options.externalUrl }),
      },
    ),
  )
  const all = owned.move()
  return { url: server.url, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Every secret is asked for once at the start: a missing one is told now, not at the first use in the night. */
function checkSecrets(plan: Plan): void {
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('env' in value && typeof value.env === 'string') resolveText({ env: value.env }, process.env)
    else for (const inner of Object.values(value)) walk(inner)
  }
  walk([plan.collectors, plan.receivers, plan.runtimes, plan.scrapes])
}

/** A `prometheus.yml` may hold secrets in plain text; `status/config` must not. */
function configText({ text, file }: Loaded): string {
  return /\.ya?ml$/.test(file) ? redactYaml(text) : text
}

/** Under Prometheus' names: there are alerts on them everywhere. */
function configMetrics({ ok, at }: { readonly ok: boolean; readonly at: number }): string {
  return new PageWriter()
    .single(
      'prometheus_config_last_reload_successful',
      'gauge',
      'Whether the last configuration reload attempt was successful.',
      ok ? 1 : 0,
    )
    .single(
      'prometheus_config_last_reload_success_timestamp_seconds',
      'gauge',
      'Timestamp of the last successful configuration reload.',
      at / 1000,
    )
    .toString()
}

function webRoot(): string | undefined {
  const root = resolve(
    dirname(fileURLToPath(import.meta.url)),
    import.meta.url.endsWith('.ts') ? '../../web/dist' : '../../../web/dist',
  )
  return existsSync(`${root}/index.html`) ? root : undefined
}
