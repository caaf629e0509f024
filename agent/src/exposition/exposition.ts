/**
 * The store as text: Prometheus 0.0.4 and OpenMetrics 1.0, negotiated by Accept.
 *
 * - A page is a list of families, each already rendered, so that pages of several workers can be joined by family without being parsed.
 * - Parsing what is written gives back every value by its bits: numbers are written as JavaScript's shortest round-trip text.
 * - OpenMetrics: a counter's family has no `_total`, bounds are canonical floats (`1.0`), the text ends with `# EOF`.
 */
import type { Family, Kind, Store } from '../store/store.ts'

export type Format = 'text' | 'openmetrics'

export type FamilyPage = {
  /** As the family is named in this format. */
  readonly name: string
  readonly kind: Kind
  readonly help: string
  /** Its samples, each line ended. */
  readonly body: string
}

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

/** Renders all families that have series. `extra` is added to each series' labels, e.g. `worker="1"`. */
export function render(store: Store, format: Format, extra = ''): FamilyPage[] {
  const pages: FamilyPage[] = []
  for (const family of store.families()) {
    if (family.size > 0) pages.push(renderFamily(family, format, extra))
  }
  return pages
}

export function renderFamily(family: Family, format: Format, extra: string): FamilyPage {
  const counter = family.kind === 'counter' && family.name.endsWith('_total')
  const name = counter && format === 'openmetrics' ? family.name.slice(0, -'_total'.length) : family.name
  const lines: string[] = []
  for (const { values, at, labels } of family.slots()) {
    const all = labels === '' ? extra : extra === '' ? labels : `${labels},${extra}`
    if (family.kind === 'histogram') {
      renderHistogram(family, format, all, values, at, lines)
    } else {
      lines.push(`${family.name}${all === '' ? '' : `{${all}}`} ${formatNumber(values[at]!)}\n`)
    }
  }
  return { name, kind: family.kind, help: family.help, body: lines.join('') }
}

function renderHistogram(
  family: Family,
  format: Format,
  labels: string,
  values: Float64Array,
  at: number,
  lines: string[],
): void {
  const { name, bounds } = family
  const before = labels === '' ? '' : `${labels},`
  let count = 0
  for (let i = 0; i <= bounds.length; i++) {
    count += values[at + i]!
    const le = i === bounds.length ? '+Inf' : formatBound(bounds[i]!, format)
    lines.push(`${name}_bucket{${before}le="${le}"} ${count}\n`)
  }
  const braced = labels === '' ? '' : `{${labels}}`
  lines.push(`${name}_sum${braced} ${formatNumber(values[at + bounds.length + 1]!)}\n${name}_count${braced} ${count}\n`)
}

/** Joins pages family by family. A family whose kind differs from the first page's is left out: it cannot be told truthfully. */
export function assemble(pages: readonly (readonly FamilyPage[])[], format: Format): string {
  const families = new Map<string, { readonly kind: Kind; readonly parts: string[] }>()
  for (const page of pages) {
    for (const { name, kind, help, body } of page) {
      const known = families.get(name)
      if (known !== undefined) {
        if (known.kind === kind) known.parts.push(body)
        continue
      }
      families.set(name, {
        kind,
        parts: [
          `# HELP ${name} ${escapeHelp(help, format)}\n# TYPE ${name} ${typeName(name, kind, body, format)}\n`,
          body,
        ],
      })
    }
  }
  const texts: string[] = []
  for (const { parts } of families.values()) texts.push(...parts)
  if (format === 'openmetrics') texts.push('# EOF\n')
  return texts.join('')
}

/** OpenMetrics insists that a counter's samples end in `_total`; one that does not is told as `unknown`. */
function typeName(name: string, kind: Kind, body: string, format: Format): string {
  return format === 'openmetrics' && kind === 'counter' && !body.startsWith(`${name}_total`) ? 'unknown' : kind
}

function escapeHelp(help: string, format: Format): string {
  const text = help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
  return format === 'openmetrics' ? text.replace(/"/g, '\\"') : text
}

function formatBound(bound: number, format: Format): string {
  return format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

export function formatNumber(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
