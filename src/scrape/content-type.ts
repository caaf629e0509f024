/** Which format a page is in, by its content type, as Prometheus 3 decides it. */
import { AssayError } from '#core'
import type { ExpositionFormat } from './parse-exposition.ts'

/** What a scrape asks for: OpenMetrics first, text always taken; protobuf is not asked for until it can be read. */
export const ACCEPT =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'

/** Content type of the text format, for pages made in this process. */
export const TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Throws `ASSAY_SCRAPE_CONTENT_TYPE` when it is none that can be read. */
export function formatOf(contentType: string, fallback?: ExpositionFormat): ExpositionFormat {
  const media = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (media === 'text/plain') return 'text'
  if (media === 'application/openmetrics-text') return 'openmetrics'
  if (fallback !== undefined) return fallback
  throw new AssayError('ASSAY_SCRAPE_CONTENT_TYPE', sentence(media))
}

function sentence(media: string): string {
  switch (media) {
    case '':
      return 'the answer has no content type; let the target send text/plain; version=0.0.4, or set fallback_scrape_protocol'
    case 'application/vnd.google.protobuf':
      return 'the answer is protobuf, which assay does not read yet; let the target answer in text'
    case 'text/html':
      return 'the answer is a web page (text/html), not metrics; is the path right? metrics_path is /metrics unless set'
    default:
      return `the answer is ${JSON.stringify(media.slice(0, 60))}, not metrics; let the target send text/plain; version=0.0.4`
  }
}
