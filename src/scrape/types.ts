/**
 * What is scraped: pages of the exposition format, over HTTP from a target or from a collector in this process.
 * Both are read by the same loop, so `up`, staleness, limits and the targets page mean the same for both.
 */
import type { HttpClientConfig, Labels, UnixMs } from '#core'
import type { Metadata } from '#storage'
import type { EscapingScheme, ScrapeProtocol } from './content-type.ts'
import type { ScrapeLimits } from './limits.ts'
import type { ExpositionFormat } from './page-parser.ts'

/** One answer of a target, as it came. */
export type Page = {
  readonly body: Uint8Array | string
  readonly contentType: string
  /** What is missing although the page came, in sentences that say what to do. */
  readonly caveats?: readonly string[]
  /** Says that `body` is no longer needed: its memory is used for other pages from then on. Call it at most once. */
  readonly release?: () => void
}

/** Reads one page. Rejects when there is none: the message becomes the target's `lastError`, so it says what to do. */
export type PageReader = (signal: AbortSignal) => Promise<Page>

/**
 * Asks for something else beside a target's page (`-/assay/users` beside `/metrics`), as the page is asked for: with the credentials, TLS
 * and proxy of its job. Rejects with the error of the connection, or an `AssayError`.
 */
export type AskBeside = (
  path: string,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly body: Uint8Array }>

export const RELABEL_ACTIONS = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const
export type RelabelAction = (typeof RELABEL_ACTIONS)[number]

/** One step of relabelling, with Prometheus' defaults filled in. */
export type RelabelConfig = {
  readonly action: RelabelAction
  readonly sourceLabels: readonly string[]
  readonly separator: string
  readonly regex: string
  readonly modulus: number
  readonly targetLabel: string
  readonly replacement: string
}

/** Targets as an HTTP server lists them: `http_sd_configs`. */
export type HttpSdConfig = HttpClientConfig & { readonly url: string; readonly refreshMs: number }

export const DNS_RECORD_TYPES = ['SRV', 'A', 'AAAA', 'MX', 'NS'] as const
export type DnsRecordType = (typeof DNS_RECORD_TYPES)[number]

/** Targets as a name server lists them: `dns_sd_configs`. */
export type DnsSdConfig = {
  readonly names: readonly string[]
  readonly type: DnsRecordType
  /** For all but SRV, which names its own. */
  readonly port: number
  readonly refreshMs: number
}

/** A job: where its targets are and how they are read. Plain data; secrets are references. */
export type ScrapeConfig = HttpClientConfig & {
  readonly jobName: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly scheme: 'http' | 'https'
  readonly metricsPath: string
  readonly params: Readonly<Record<string, readonly string[]>>
  readonly honorLabels: boolean
  readonly honorTimestamps: boolean
  readonly staticConfigs: readonly {
    readonly targets: readonly string[]
    readonly labels: Readonly<Record<string, string>>
  }[]
  readonly fileSdConfigs: readonly { readonly files: readonly string[]; readonly refreshMs: number }[]
  readonly httpSdConfigs?: readonly HttpSdConfig[]
  readonly dnsSdConfigs?: readonly DnsSdConfig[]
  readonly relabelConfigs: readonly RelabelConfig[]
  readonly metricRelabelConfigs: readonly RelabelConfig[]
  readonly limits: ScrapeLimits
  /** More targets than this, and none of them is read. */
  readonly targetLimit?: number
  /** Most dropped targets that are kept to be shown. */
  readonly keepDropped?: number
  /** What is asked for, most wanted first; absent: text and OpenMetrics. */
  readonly protocols?: readonly ScrapeProtocol[]
  readonly escaping?: EscapingScheme
  /** How to read a page that comes without a usable content type; absent: such a page is refused, as in Prometheus 3. */
  readonly fallbackFormat?: ExpositionFormat
  /** Default true: gzip is asked for. */
  readonly compression?: boolean
} & TargetSettings

/** What a job says of recording its targets' pages. */
export type TargetSettings = {
  /** Series with timestamps of their own end too, when they are gone. */
  readonly trackTimestampsStaleness?: boolean
  /** What becomes of histograms. */
  readonly histograms?: HistogramUse
  /** Names outside the old alphabet fail the scrape. */
  readonly legacyNames?: boolean
  /** Three more series about each scrape. */
  readonly extraMetrics?: boolean
  /** A line of JSON for each failed scrape. */
  readonly failureLogFile?: string
}

/** One thing to read, after discovery and relabelling. */
export type Target = TargetSettings & {
  readonly pool: string
  /** Added to every sample: `job`, `instance` and the rest. Equal pool and labels: the same target. */
  readonly labels: Labels
  readonly discoveredLabels: Labels
  /** For people, without secrets. */
  readonly url: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly honorLabels: boolean
  readonly honorTimestamps: boolean
  readonly metricRelabelConfigs: readonly RelabelConfig[]
  readonly limits: ScrapeLimits
  /** Why it is not read at all: it is down, with this reason. */
  readonly refusal?: string
  readonly read: PageReader
  /** Absent: it is not read over HTTP. */
  readonly askBeside?: AskBeside
}

/** All false: classic histograms alone, as they come. */
export type HistogramUse = {
  /** `scrape_native_histograms` */
  readonly native?: boolean
  /** `always_scrape_classic_histograms` */
  readonly keepClassic?: boolean
  /** `convert_classic_histograms_to_nhcb` */
  readonly convertClassic?: boolean
}

/** A target that relabelling dropped: listed, so that a wrong rule is seen. `more`: how many of its job are not listed for it. */
export type DroppedTarget = { readonly pool: string; readonly discoveredLabels: Labels; readonly more?: number }

export type TargetHealth = 'unknown' | 'up' | 'down'

export type TargetStatus = {
  readonly target: Target
  readonly health: TargetHealth
  /** Why it is down, in a sentence that says what to do; '' while it is up. */
  readonly lastError: string
  /** What is missing although it is up. */
  readonly caveats?: readonly string[]
  readonly lastScrape: UnixMs | undefined
  readonly lastScrapeDurationMs: number
  readonly samples: number
  /** What its last page said of its families. */
  readonly metadata?: ReadonlyMap<string, Metadata>
}
