/**
 * Rule evaluation as Prometheus does it: one loop per group, state kept over reloads and restarts.
 *
 * - `apply` takes all groups or none: a file that is broken leaves the old rules running.
 * - Groups run beside each other; evaluations of one group never overlap.
 */
import { AssayError, type Clock, Labels, type Log, messageOf, type QueryFn, type UnixMs } from '#core'
import { type LatestFn, latestIn, type Store } from '#storage'
import { fingerprintOf } from './fingerprint.ts'
import { type GroupDeps, GroupRunner, nameOf } from './group.ts'
import { fixedLabels } from './restore.ts'
import type { Alert, AlertingRule, AlertSink, RuleGroup, RuleGroupStatus } from './types.ts'

export type RulesOptions = {
  readonly query: QueryFn
  readonly store: Store
  /** Where the state of alerts before a restart is found; default: in the store. */
  readonly latest?: LatestFn
  readonly clock: Clock
  readonly log: Log
  readonly sink: AlertSink
  readonly externalLabels?: Readonly<Record<string, string>>
  /** Where people reach assay: for links in templates. */
  readonly externalUrl?: string
  /** How old a state may be to be restored after a restart; the default is 1 h. */
  readonly outageToleranceMs?: number
  /** Least time before a restored pending alert fires, and how long a restored firing one waits for data; 10 min. */
  readonly forGraceMs?: number
}

export type GroupKey = { readonly file: string; readonly name: string }

export interface Rules extends AsyncDisposable {
  /** Runs these groups from now on. Throws `ASSAY_RULES_*` or a parse error and then changes nothing. */
  apply(groups: readonly RuleGroup[]): void
  status(): readonly RuleGroupStatus[]
  /** Alerts that ended within the last 15 min, for sending again. */
  resolved(): readonly Alert[]
  /** One evaluation, waiting for one that is under way. Rejects with `ASSAY_RULES_NO_GROUP`. */
  evaluateOnce(group: GroupKey, at: UnixMs): Promise<void>
}

export function createRules(options: RulesOptions): Rules {
  return new RuleEngine(options)
}

type Running = { runner: GroupRunner; readonly stop: AbortController; tail: Promise<void> }

class RuleEngine implements Rules {
  readonly #deps: GroupDeps
  readonly #stop = new AbortController()
  #running = new Map<string, Running>()
  readonly #ending = new Set<Promise<void>>()
  #ambiguous: ReadonlySet<string> = new Set()

  constructor(options: RulesOptions) {
    this.#deps = {
      ...options,
      latest: options.latest ?? latestIn(options.store),
      externalLabels: options.externalLabels ?? {},
      externalUrl: options.externalUrl ?? '',
      restore: { toleranceMs: options.outageToleranceMs ?? 3600_000, graceMs: options.forGraceMs ?? 600_000 },
    }
  }

  apply(groups: readonly RuleGroup[]): void {
    const next = new Map<string, { readonly group: RuleGroup; readonly runner: GroupRunner }>()
    for (const group of groups) {
      const key = keyOf(group)
      if (next.has(key)) {
        throw new AssayError(
          'ASSAY_RULES_DUPLICATE',
          `${group.file}: group ${JSON.stringify(group.name)} is there twice`,
        )
      }
      const old = this.#running.get(key)
      const same = old !== undefined && JSON.stringify(old.runner.group) === JSON.stringify(group)
      next.set(key, { group, runner: same ? old.runner : compiled(group, this.#deps, old?.runner) })
    }
    this.#ambiguous = ambiguousOf(groups)
    const at = this.#deps.clock.now()
    for (const [key, running] of this.#running) {
      const runner = next.get(key)?.runner
      if (runner === running.runner) continue
      running.stop.abort()
      this.#track(running.tail)
      GroupRunner.retire(running.runner, runner, at)
      this.#running.delete(key)
    }
    const before = this.#running
    this.#running = new Map([...next].map(([key, { runner }]) => [key, before.get(key) ?? this.#start(runner)]))
  }

  status(): readonly RuleGroupStatus[] {
    return [...this.#running.values()].map(({ runner }) => runner.status())
  }

  resolved(): readonly Alert[] {
    return [...this.#running.values()].flatMap(({ runner }) => runner.resolved())
  }

  async evaluateOnce(group: GroupKey, at: UnixMs): Promise<void> {
    const running = this.#running.get(keyOf(group))
    if (running === undefined) {
      throw new AssayError('ASSAY_RULES_NO_GROUP', `no group ${JSON.stringify(group.name)} in ${group.file}`)
    }
    await this.#evaluate(running, at)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all([...this.#ending, ...[...this.#running.values()].map(({ tail }) => tail)])
    this.#running.clear()
  }

  #start(runner: GroupRunner): Running {
    const running: Running = { runner, stop: new AbortController(), tail: Promise.resolve() }
    this.#track(this.#loop(running))
    return running
  }

  async #loop(running: Running): Promise<void> {
    const { group } = running.runner
    const signal = AbortSignal.any([this.#stop.signal, running.stop.signal])
    // Groups of one interval are spread over it, each always at its own place.
    const spread = Number.parseInt(fingerprintOf(Labels.of({ file: group.file, name: group.name })).slice(8), 16)
    for await (const at of this.#deps.clock.ticks(group.intervalMs, signal, spread % group.intervalMs)) {
      await this.#evaluate(running, at)
    }
  }

  #evaluate(running: Running, at: UnixMs): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, running.stop.signal])
    const mine = (rule: AlertingRule) => !this.#ambiguous.has(JSON.stringify(rule))
    running.tail = running.tail
      .then(() => (signal.aborted ? undefined : running.runner.evaluate(at, mine, signal)))
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error, group: running.runner.group.name }, 'a group could not be evaluated')
      })
    return running.tail
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#ending.delete(tracked))
    this.#ending.add(tracked)
  }
}

function compiled(group: RuleGroup, deps: GroupDeps, previous: GroupRunner | undefined): GroupRunner {
  try {
    return new GroupRunner(group, deps, previous)
  } catch (cause) {
    throw new AssayError(
      'ASSAY_RULES_GROUP',
      `${group.file}: group ${JSON.stringify(group.name)}: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}

function keyOf({ file, name }: GroupKey): string {
  return JSON.stringify([file, name])
}

/** Rules (as JSON) whose stored alerts may be another rule's: equal names, and no fixed label that differs. */
function ambiguousOf(groups: readonly RuleGroup[]): ReadonlySet<string> {
  const byName = Map.groupBy(
    groups.flatMap(({ rules }) => rules).filter((rule) => rule.kind === 'alert'),
    nameOf,
  )
  const apart = (a: AlertingRule, b: AlertingRule) => {
    const other = new Map(fixedLabels(b))
    return fixedLabels(a).some(([name, value]) => other.has(name) && other.get(name) !== value)
  }
  return new Set(
    [...byName.values()].flatMap((rules) =>
      rules
        .filter((rule) => rules.some((other) => other !== rule && !apart(rule, other)))
        .map((rule) => JSON.stringify(rule)),
    ),
  )
}
