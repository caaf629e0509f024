/** Which format is asked for and which one a page is in, as Prometheus 3 decides it. */
import { AssayError } from '#core'
import type { ExpositionFormat } from './page-parser.ts'

export const SCRAPE_PROTOCOLS = [
  'PrometheusProto',
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
] as const
export type ScrapeProtocol = (typeof SCRAPE_PROTOCOLS)[number]

/** What is asked for, most wanted first, where a job says nothing. */
export const DEFAULT_PROTOCOLS: readonly ScrapeProtocol[] = SCRAPE_PROTOCOLS.slice(1)
/** The same for a job that wants native histograms or start times: protobuf alone has them. */
export const PROTOBUF_FIRST: readonly ScrapeProtocol[] = SCRAPE_PROTOCOLS

export const ESCAPING_SCHEMES = ['allow-utf-8', 'underscores', 'dots', 'values'] as const
export type EscapingScheme = (typeof ESCAPING_SCHEMES)[number]

const PROTOBUF = 'application/vnd.google.protobuf'
const OPEN_METRICS = 'application/openmetrics-text'
const MEDIA: Readonly<Record<ScrapeProtocol, string>> = {
  PrometheusProto: `${PROTOBUF};proto=io.prometheus.client.MetricFamily;encoding=delimited`,
  'OpenMetricsText1.0.0': `${OPEN_METRICS};version=1.0.0`,
  'OpenMetricsText0.0.1': `${OPEN_METRICS};version=0.0.1`,
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
}
const FORMATS: Readonly<Record<string, ExpositionFormat>> = {
  'text/plain': 'text',
  [OPEN_METRICS]: 'openmetrics',
  [PROTOBUF]: 'protobuf',
}

/** Content type of the text format, for pages made in this process. */
export const TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The Accept header of a scrape. Weights begin at 0.6 and fall by a tenth, whatever is left out, as Prometheus writes them. */
export function acceptOf(
  protocols: readonly ScrapeProtocol[] = DEFAULT_PROTOCOLS,
  escaping: EscapingScheme = 'allow-utf-8',
): string {
  const wanted = protocols.map((protocol, i) => {
    const named =
      protocol === 'PrometheusText1.0.0' || protocol === 'OpenMetricsText1.0.0' ? `;escaping=${escaping}` : ''
    return `${MEDIA[protocol]}${named};q=0.${SCRAPE_PROTOCOLS.length + 1 - i}`
  })
  return [...wanted, `*/*;q=0.${SCRAPE_PROTOCOLS.length + 1 - protocols.length}`].join(',')
}

export function formatOfProtocol(protocol: ScrapeProtocol): ExpositionFormat {
  return FORMATS[MEDIA[protocol].split(';', 1)[0]!]!
}

/** A content type that `formatOf` reads back as this format. */
export function contentTypeOf(format: ExpositionFormat): string {
  return Object.keys(FORMATS).find((media) => FORMATS[media] === format)!
}

/** Throws `PageRefused` when it is none that can be read. `sizeBytes`: how much came. */
export function formatOf(contentType: string, fallback?: ExpositionFormat, sizeBytes = 0): ExpositionFormat {
  const media = contentType.split(';', 1)[0]!.trim().toLowerCase()
  const format = Object.hasOwn(FORMATS, media) ? FORMATS[media] : fallback
  if (format !== undefined) return format
  throw new PageRefused(sentence(media), sizeBytes)
}

/** A page that came whole and is of no type that can be read. */
export class PageRefused extends AssayError<'ASSAY_SCRAPE_CONTENT_TYPE'> {
  readonly sizeBytes: number

  constructor(message: string, sizeBytes: number) {
    super('ASSAY_SCRAPE_CONTENT_TYPE', message)
    this.sizeBytes = sizeBytes
  }
}

function sentence(media: string): string {
  switch (media) {
    case '':
      return 'the answer has no content type; let the target send text/plain; version=0.0.4, or set fallback_scrape_protocol'
    case 'text/html':
      return 'the answer is a web page (text/html), not metrics; is the path right? metrics_path is /metrics unless set'
    default:
      return `the answer is ${JSON.stringify(media.slice(0, 60))}, not metrics; let the target send text/plain; version=0.0.4, or set fallback_scrape_protocol`
  }
}
