/**
 * Any store against the simplest one: a script of commands runs on both, and every answer must be the same.
 *
 * The script is data, made by a test with its generator of choice. Time only moves on, and what is out of order is so for its own
 * series: a store may refuse what lies before its blocks, and the simplest one has none.
 *
 * With a window for late samples, samples of any instant come. Then which ones were in order is a store's own affair, and with it what
 * hints of counter resets it can still give: they are held to the truth alone.
 */
import assert from 'node:assert/strict'
import { isStaleAt, Labels, type MatchOp, matcher, type NativeHistogram, unixMs } from '#core'
import { assertSet, dumpSeries, type StoreBox } from './conformance.ts'
import { memoryStore } from './memory-store.ts'
import { settleHint } from './settle-hint.ts'
import type { Store } from './types.ts'

export type ScriptSample = {
  readonly series: number
  /** `now`; the series' last instant again; one before it; or so many ms ago, in a script with a window. */
  readonly when: 'now' | 'again' | 'past' | number
  readonly value: number | 'stale' | NativeHistogram
  /** How long before the sample its counter began; left out: not known. */
  readonly startedMsAgo?: number | undefined
}

export type ScriptStep =
  | {
      readonly kind: 'batch'
      readonly passMs: number
      readonly commit: boolean
      readonly samples: readonly ScriptSample[]
    }
  | { readonly kind: 'settle' }
  | {
      readonly kind: 'query'
      /** From how long ago to how long ago. */
      readonly fromMs: number
      readonly toMs: number
      readonly matchers: readonly { readonly name: string; readonly op: MatchOp; readonly value: string }[]
    }

/** Series by number: few enough that steps meet, with labels that matchers can tell apart. */
export function scriptSeries(number: number): Labels {
  return Labels.of({ __name__: `m${number % 3}`, x: number % 4 === 0 ? '' : `${number % 4}`, i: `${number}` })
}

export type ScriptOptions = {
  /** The window of the store. It has to hold all of the script: else what is too old would depend on what is in blocks. */
  readonly outOfOrderWindowMs?: number
}

export async function playScript(
  box: StoreBox,
  steps: readonly ScriptStep[],
  { outOfOrderWindowMs = 0 }: ScriptOptions = {},
): Promise<void> {
  await using model = memoryStore({ outOfOrderWindowMs })
  const answer = (store: Store, step: ScriptStep & { kind: 'query' }, at: number) =>
    answerOf(store, step, at, outOfOrderWindowMs > 0)
  const last = new Map<number, number>()
  let now = 0
  for (const step of steps) {
    switch (step.kind) {
      case 'batch':
        now += step.passMs
        assert.equal(
          runBatch(box.store, step, now, new Map(last)),
          runBatch(model, step, now, step.commit ? last : new Map(last)),
          'appended samples',
        )
        break
      case 'settle':
        await box.settle()
        // From here a marker for a series that got nothing since may be dropped: not part of the contract.
        last.clear()
        break
      case 'query':
        assert.deepEqual(answer(box.store, step, now), answer(model, step, now))
        break
      default:
        step satisfies never
    }
  }
  if (outOfOrderWindowMs > 0) assertHints(box.store)
  const everything = { kind: 'query', fromMs: now + 1, toMs: -1, matchers: [] } as const
  assert.deepEqual(answer(box.store, everything, now), answer(model, everything, now))
}

function runBatch(
  store: Store,
  { samples, commit }: ScriptStep & { kind: 'batch' },
  now: number,
  last: Map<number, number>,
): number {
  using batch = store.appender()
  for (const { series, when, value, startedMsAgo } of samples) {
    const before = last.get(series)
    // Of a series that is not there a marker is dropped.
    if (before === undefined && (when === 'again' || when === 'past' || value === 'stale')) continue
    const at = unixMs(instantOf(when, now, before ?? now))
    const labels = scriptSeries(series)
    if (value === 'stale') batch.appendStale(undefined, labels, at)
    else {
      const startAt = startedMsAgo === undefined ? 0 : at - startedMsAgo
      if (typeof value === 'number') batch.append(undefined, labels, at, value, startAt)
      else batch.appendHistogram(undefined, labels, at, value, startAt)
    }
    last.set(series, Math.max(at, before ?? at))
  }
  return commit ? batch.commit().appended : 0
}

function instantOf(when: ScriptSample['when'], now: number, before: number): number {
  if (typeof when === 'number') return now - when
  return when === 'now' ? now : when === 'again' ? before : before - 1
}

/** Where a hint says that nothing was reset, nothing was. */
export function assertHints(store: Store): void {
  using querier = store.querier(unixMs(-1e12), unixMs(1e12))
  for (const series of querier.select([])) {
    const { histograms = [], values, timestamps, count } = series.samples()
    for (let i = 0; i < count; i++) {
      const histogram = histograms[i]
      if (histogram?.resetHint !== 'none') continue
      const before = i > 0 && !isStaleAt(values, i - 1) ? histograms[i - 1] : undefined
      const truth = settleHint(before, { ...histogram, resetHint: 'unknown' })
      assert.equal(truth, 'none', `${series.labels} at ${timestamps[i]}`)
    }
  }
}

/** All that a store says to the questions of one step: series with samples, labels, names, values. */
export function answerOf(
  store: Store,
  { fromMs, toMs, matchers }: ScriptStep & { kind: 'query' },
  now: number,
  withoutHints: boolean,
): unknown {
  using querier = store.querier(unixMs(now - fromMs), unixMs(now - toMs))
  const given = matchers.map(({ name, op, value }) => matcher(name, op, value))
  assertSet(querier, given)
  return {
    series: querier.select(given).map((one) => dumpSeries(one, { withoutHints })),
    labels: querier.series(given).map((labels) => labels.toString()),
    names: querier.labelNames(given),
    values: ['__name__', 'x', 'i'].map((name) => querier.labelValues(name, given)),
  }
}
