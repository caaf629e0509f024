/** A job, a target and a relabelling step with nothing special about them, to change what a test is about. */
import { Labels } from '#core'
import type { RelabelConfig, ScrapeConfig, Target } from './types.ts'

/** What a step means where it says nothing. */
export const DEFAULT_RELABEL: RelabelConfig = {
  action: 'replace',
  sourceLabels: [],
  separator: ';',
  regex: '(.*)',
  modulus: 0,
  targetLabel: '',
  replacement: '$1',
}

export function jobOf(more: Partial<ScrapeConfig> = {}): ScrapeConfig {
  return {
    jobName: 'shop',
    intervalMs: 1000,
    timeoutMs: 1000,
    scheme: 'http',
    metricsPath: '/metrics',
    params: {},
    honorLabels: false,
    honorTimestamps: true,
    staticConfigs: [],
    fileSdConfigs: [],
    relabelConfigs: [],
    metricRelabelConfigs: [],
    limits: {},
    ...more,
  }
}

/** Of the instance `job:80`; its pool is its job. */
export function targetOf(job: string, read: Target['read'], more: Partial<Target> = {}): Target {
  const labels = Labels.of({ job, instance: `${job}:80` })
  return {
    pool: job,
    labels,
    discoveredLabels: labels,
    url: `http://${job}:80/metrics`,
    intervalMs: 1000,
    timeoutMs: 500,
    honorLabels: false,
    honorTimestamps: true,
    metricRelabelConfigs: [],
    limits: {},
    read,
    ...more,
  }
}
