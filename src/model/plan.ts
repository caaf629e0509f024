/**
 * The Plan: the whole system as plain data. The server, the UI, the tests and every export read this and nothing else,
 * so what runs and what is exported cannot drift.
 */
import type { ReceiverSpec } from '#alerting'
import type { CollectorSpec } from '#collectors'
import type { OtlpSettings, RemoteWriteConfig } from '#remote'
import type { PolicySpec, RuntimeSpec, Unit } from '#responder'
import type { RuleGroup } from '#rules'
import type { RelabelConfig, ScrapeConfig } from '#scrape'
import type { StorageSettings } from './storage-config.ts'

/** `job`: scraped by a `prometheus.yml`, of which nothing more is known. */
export const PART_KINDS = ['api', 'postgres', 'rabbitmq', 'bucket', 'host', 'job'] as const
export type PartKind = (typeof PART_KINDS)[number]

/** One number of a part: a large figure, a small line, and a door to its chart. */
export type Signal = {
  readonly id: string
  /** Two or three words: `rate`, `errors`, `p95`, `connections`. */
  readonly title: string
  readonly unit: Unit
  /** PromQL that yields one sample. */
  readonly expr: string
  /** `number`: large. `bar`: a share of a whole, 0 to 1. */
  readonly form: 'number' | 'bar'
  /** PromQL of the whole, for "38 of 100". */
  readonly of?: string
  /** A policy's threshold on this very signal. */
  readonly limit?: number
}

export type Chart = {
  readonly id: string
  readonly title: string
  readonly unit: Unit
  /** PromQL; one line per sample, named by `legend` (a label's name), or by the title. */
  readonly expr: string
  readonly legend?: string
  readonly limit?: number
}

export type PlanPart = {
  readonly id: string
  /** For people: `shop db` for `shopDb`. */
  readonly title: string
  readonly kind: PartKind
  /** The `job` label of its series. */
  readonly job: string
  readonly uses: readonly string[]
  readonly channels: readonly string[]
  readonly signals: readonly Signal[]
  readonly charts: readonly Chart[]
}

/** Traffic between two parts, or from outside (`channel:open`) into one. */
export type Edge = {
  readonly from: string
  readonly to: string
  readonly channel?: string
  /** PromQL; requests, operations or messages per second. Absent: the two are tied, how much flows is not measured. */
  readonly rate?: string
  /** PromQL; share of them that failed. Absent: not known here. */
  readonly errors?: string
}

/** Who calls a part from outside, in people and requests. */
export type Caller = {
  readonly id: string
  /** `customers`, `staff`, `partners`. */
  readonly title: string
  readonly to: string
  readonly channel?: string
  readonly rate: string
  /** PromQL of people active in the last five minutes, and today. */
  readonly now?: string
  readonly today?: string
}

export type Plan = {
  readonly name: string
  readonly scrapeIntervalMs: number
  readonly evaluationIntervalMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  /** Whether assay keeps its own series too. A `prometheus.yml` says itself what is scraped: then nothing is added. */
  readonly watchesItself: boolean
  readonly parts: readonly PlanPart[]
  readonly edges: readonly Edge[]
  readonly callers: readonly Caller[]
  readonly scrapes: readonly ScrapeConfig[]
  /** Whom what is kept is passed on to; absent: nobody. */
  readonly remoteWrites?: readonly RemoteWriteConfig<RelabelConfig>[]
  readonly collectors: readonly CollectorSpec[]
  readonly ruleGroups: readonly RuleGroup[]
  readonly policies: readonly PolicySpec[]
  readonly receivers: readonly ReceiverSpec[]
  /** The receiver of what nobody else is named for: built-in policies, escalations. */
  readonly tell?: string
  readonly runtimes: readonly RuntimeSpec[]
  /** Where each query is written down; absent: nowhere. */
  readonly queryLogFile?: string
  /** How metrics of OpenTelemetry become series; absent: by the defaults. */
  readonly otlp?: OtlpSettings
  /** What the store takes and keeps; absent: by the defaults. */
  readonly storage?: StorageSettings
}
