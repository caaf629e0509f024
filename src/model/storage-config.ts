/**
 * The section `storage` of a `prometheus.yml`: what the store takes and how much it keeps. The window and the
 * exemplars follow a reload.
 *
 * Source: prometheus: docs/configuration/configuration.md, `<tsdb>` and `<exemplars>`.
 */
import { z } from 'zod'
import { byteLimit, duration, notHere, number } from './config-scalars.ts'

export type StorageSettings = {
  /** Samples that come late are taken when they are not older than the newest one by more than this; 0: none. */
  readonly outOfOrderWindowMs: number
  /** How long and how much is kept, before the flags; absent: as they say. Taken at the start alone. */
  readonly retentionMs?: number
  readonly retentionBytes?: number
  /** Exemplars kept, over all series; absent: as many as by default. */
  readonly maxExemplars?: number
}

const PERCENTAGE = 'a share of the disk is not known here; write a size, as 50GB'

export const storageSection = z.strictObject({
  tsdb: z
    .strictObject({
      out_of_order_time_window: duration.default(0),
      retention: z
        .strictObject({ time: duration.optional(), size: byteLimit.optional(), percentage: notHere(PERCENTAGE) })
        .optional(),
      stale_series_compaction_threshold: number(z.number()).optional(),
    })
    .optional(),
  exemplars: z.strictObject({ max_exemplars: number(z.int()).optional() }).optional(),
})

type Section = z.output<typeof storageSection>

export function storageSettingsOf({ tsdb, exemplars }: Section): StorageSettings {
  const most = exemplars?.max_exemplars
  const { time, size } = tsdb?.retention ?? {}
  return {
    outOfOrderWindowMs: tsdb?.out_of_order_time_window ?? 0,
    // 0 stands for "not limited by it", as on the command line.
    ...(time ? { retentionMs: time } : {}),
    ...(size ? { retentionBytes: size } : {}),
    // As in Prometheus none are kept below 1.
    ...(most === undefined ? {} : { maxExemplars: Math.max(0, most) }),
  }
}

/** What is in the section and has no effect. */
export function storageWithoutEffect({ tsdb }: Section): readonly string[] {
  return tsdb?.stale_series_compaction_threshold ? ['storage.tsdb.stale_series_compaction_threshold'] : []
}
