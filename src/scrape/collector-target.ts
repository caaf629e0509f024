/** A collector as a target, so that its facts have `up`, staleness, limits and a line on the targets page. */
import { Labels } from '#core'
import { TEXT_CONTENT_TYPE } from './content-type.ts'
import type { Target } from './types.ts'

export type CollectorTargetOptions = {
  /** The part's id: its `job`. */
  readonly part: string
  readonly intervalMs: number
  readonly timeoutMs: number
  /** For people, without secrets: `postgres://127.0.0.1:5432/shop`. Its host becomes `instance`. */
  readonly address: string
  /** One page in text format 0.0.4. */
  readonly read: (signal: AbortSignal) => Promise<string>
  /** What the last page lacked, and why. */
  readonly caveats?: () => readonly string[]
}

export function collectorTarget({
  part,
  intervalMs,
  timeoutMs,
  address,
  read,
  caveats,
}: CollectorTargetOptions): Target {
  const labels = Labels.of({ job: part, instance: hostOf(address) })
  return {
    pool: part,
    labels,
    discoveredLabels: labels,
    url: address,
    intervalMs,
    timeoutMs,
    honorLabels: false,
    honorTimestamps: true,
    metricRelabelConfigs: [],
    limits: {},
    read: async (signal) => ({ body: await read(signal), contentType: TEXT_CONTENT_TYPE, caveats: caveats?.() ?? [] }),
  }
}

function hostOf(address: string): string {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/]*@)?([^/?#]*)/i.exec(address)?.[1]
  return host === undefined || host === '' ? address : host
}
