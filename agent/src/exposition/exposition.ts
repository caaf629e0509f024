/**
 * The store as text: Prometheus 0.0.4 and OpenMetrics 1.0, negotiated by Accept.
 *
 * - A page is a list of families, each already rendered, so that pages of several workers can be joined by family without being parsed.
 * - Parsing what is written gives back every value by its bits: numbers are written as JavaScript's shortest round-trip text.
 * - OpenMetrics: a counter's family has no `_total`, bounds are canonical floats (`1.0`), the text ends with `# EOF`.
 */
import type { Store } from '../store/index.ts'
import type { FamilyPage } from './family-page.ts'
import { joinPages, renderStore } from './page.ts'

export type { FamilyPage } from './family-page.ts'

export type Format = 'text' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** What an Accept header prefers. OpenMetrics only when it is asked for by name. */
export function negotiate(accept: string | undefined): Format {
  let best: Format = 'text'
  let bestQuality = 0
  for (const part of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    const named = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    const quality = named.has('q') ? Number(named.get('q')) : 1
    const version = named.get('version')
    const format =
      type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0' || version === '0.0.1')
        ? 'openmetrics'
        : type === 'text/plain' || type === 'text/*' || type === '*/*'
          ? 'text'
          : undefined
    if (format !== undefined && quality > bestQuality) {
      best = format
      bestQuality = quality
    }
  }
  return best
}

/** A store's families, rendered once. */
export function render(store: Store, format: Format, extra = ''): readonly FamilyPage[] {
  return renderStore(store, format, extra)
}

/** Joins pages family by family, as text. */
export function assemble(pages: readonly (readonly FamilyPage[])[], format: Format): string {
  return Buffer.from(joinPages(pages, format)).toString()
}
