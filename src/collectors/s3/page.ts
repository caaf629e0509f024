/** A bucket's facts as a page. */
import { PageWriter } from '#core'
import type { SweepTotals } from './sweep.ts'

export type BucketFacts = {
  readonly bucket: string
  readonly headSeconds: number
  readonly totals: SweepTotals | undefined
  readonly progress: number | undefined
  readonly capacityBytes: number | undefined
}

export function bucketPage({ bucket, headSeconds, totals, progress, capacityBytes }: BucketFacts): string {
  const page = new PageWriter()
  const gauge = (name: string, help: string, value: number | undefined) => {
    if (value !== undefined) page.family(name, 'gauge', help).sample(value, { bucket })
  }
  gauge('s3_bucket_up', 'Whether the bucket answered.', 1)
  gauge('s3_bucket_size_bytes', 'Bytes of all objects, by the last complete sweep.', totals?.bytes)
  gauge('s3_bucket_objects', 'Number of objects, by the last complete sweep.', totals?.objects)
  gauge('s3_bucket_capacity_bytes', 'What the definition says the bucket may hold.', capacityBytes)
  gauge(
    's3_bucket_newest_object_timestamp_seconds',
    'When the newest object was written.',
    totals?.newest === undefined ? undefined : totals.newest / 1000,
  )
  gauge(
    's3_bucket_last_sweep_timestamp_seconds',
    'When the last complete sweep ended.',
    totals === undefined ? undefined : totals.at / 1000,
  )
  gauge(
    's3_bucket_last_sweep_duration_seconds',
    'How long the last complete sweep took.',
    totals === undefined ? undefined : totals.durationMs / 1000,
  )
  gauge('s3_bucket_sweep_progress_objects', 'Objects counted by the sweep that is under way.', progress ?? 0)
  gauge('s3_bucket_head_duration_seconds', 'How long the bucket took to answer.', headSeconds)
  return String(page)
}
