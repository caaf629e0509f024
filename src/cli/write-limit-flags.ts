/** The flags of what one request of remote write may bring, in the spelling of Prometheus' limits of remote read. */
import { WRITE_LIMITS, type WriteLimits } from '#remote'
import type { Flag } from './options.ts'

export const WRITE_LIMIT_FLAGS: readonly Flag[] = [
  {
    name: 'write-limit-body',
    value: 'SIZE',
    default: '32MiB',
    aliases: ['storage.remote.write-body-size-limit'],
    help: 'most bytes of one remote write, as it comes',
  },
  {
    name: 'write-limit-unpacked',
    value: 'SIZE',
    default: '64MiB',
    aliases: ['storage.remote.write-unpacked-size-limit'],
    help: 'most bytes of one remote write, unpacked',
  },
  {
    name: 'write-limit-samples',
    value: 'N',
    default: String(WRITE_LIMITS.samples),
    aliases: ['storage.remote.write-sample-limit'],
    help: 'most samples of one remote write',
  },
  {
    name: 'write-limit-series',
    value: 'N',
    default: String(WRITE_LIMITS.series),
    aliases: ['storage.remote.write-series-limit'],
    help: 'most series of one remote write',
  },
  {
    name: 'write-limit-labels',
    value: 'N',
    default: String(WRITE_LIMITS.labelsPerSeries),
    aliases: ['storage.remote.write-label-limit'],
    help: 'most labels of a series that is written; others of the request are taken',
  },
  {
    name: 'write-limit-label-name',
    value: 'BYTES',
    default: String(WRITE_LIMITS.labelNameBytes),
    aliases: ['storage.remote.write-label-name-length-limit'],
    help: 'longest name of a label that is written',
  },
  {
    name: 'write-limit-label-value',
    value: 'BYTES',
    default: String(WRITE_LIMITS.labelValueBytes),
    aliases: ['storage.remote.write-label-value-length-limit'],
    help: 'longest value of a label that is written',
  },
]

/** `count` and `size` read a flag and throw `ASSAY_USAGE`. */
export function writeLimitsOf(count: (name: string) => number, size: (name: string) => number): WriteLimits {
  return {
    bodyBytes: size('write-limit-body'),
    unpackedBytes: size('write-limit-unpacked'),
    samples: count('write-limit-samples'),
    series: count('write-limit-series'),
    labelsPerSeries: count('write-limit-labels'),
    labelNameBytes: count('write-limit-label-name'),
    labelValueBytes: count('write-limit-label-value'),
  }
}
