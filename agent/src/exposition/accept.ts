/**
 * What a scraper asks for, answered: the format and its version by Accept, the compression by Accept-Encoding.
 *
 * - The highest q wins; among equals what was written first, as scrapers list by preference. What is not known is passed over.
 * - Nothing asked for, or nothing that we have, is text 0.0.4: what every scraper reads.
 * - `escaping` says how names beyond `[a-zA-Z0-9_:]` are written. Ours never have such letters, so every scheme writes them alike, and the
 *   one asked for is confirmed. Only versions that know the parameter (1.0.0, and protobuf) carry it.
 */
import type { PageFormat } from './page-format.ts'

export type Accepted = { readonly format: PageFormat; readonly contentType: string }

const TEXT: Accepted = { format: 'text', contentType: 'text/plain; version=0.0.4; charset=utf-8' }
const ESCAPINGS = ['allow-utf-8', 'underscores', 'dots', 'values']
const MAX_PARTS = 50

type Part = { readonly value: string; readonly parameters: ReadonlyMap<string, string>; readonly quality: number }

/** `accept` is the header as it came. */
export function negotiateFormat(accept: string | undefined): Accepted {
  let best = TEXT
  let bestQuality = 0
  for (const part of partsOf(accept)) {
    if (part.quality <= bestQuality) continue
    const offer = offerFor(part)
    if (offer === undefined) continue
    best = offer
    bestQuality = part.quality
  }
  return best
}

export type Encoding = 'identity' | 'gzip' | 'zstd'

/** What of `offered` (the more wanted first) the header prefers; `identity` when it names none of them. */
export function negotiateEncoding(acceptEncoding: string | undefined, offered: readonly Encoding[]): Encoding {
  const parts = partsOf(acceptEncoding)
  const qualityOf = (name: string): number | undefined => parts.find(({ value }) => value === name)?.quality
  const rest = qualityOf('*') ?? 0
  let best: Encoding = 'identity'
  let bestQuality = 0
  for (const name of offered) {
    const quality = qualityOf(name) ?? rest
    if (quality > bestQuality) {
      best = name
      bestQuality = quality
    }
  }
  // Without a word about it identity is acceptable, but the least wanted.
  return (qualityOf('identity') ?? 0) > bestQuality ? 'identity' : best
}

function offerFor({ value, parameters }: Part): Accepted | undefined {
  const version = parameters.get('version')
  switch (value) {
    case 'application/vnd.google.protobuf': {
      const proto = parameters.get('proto') ?? 'io.prometheus.client.metricfamily'
      const encoding = parameters.get('encoding') ?? 'delimited'
      if (proto !== 'io.prometheus.client.metricfamily' || encoding !== 'delimited') return undefined
      const contentType = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
      return { format: 'protobuf', contentType: contentType + escapingOf(parameters) }
    }
    case 'application/openmetrics-text': {
      if (version !== undefined && version !== '1.0.0' && version !== '0.0.1') return undefined
      const escaping = version === '0.0.1' ? '' : escapingOf(parameters)
      const contentType = `application/openmetrics-text; version=${version ?? '1.0.0'}; charset=utf-8${escaping}`
      return { format: 'openmetrics', contentType }
    }
    case 'text/plain':
      if (version === '1.0.0') {
        return { format: 'text', contentType: `text/plain; version=1.0.0; charset=utf-8${escapingOf(parameters)}` }
      }
      return version === undefined || version === '0.0.4' ? TEXT : undefined
    case 'text/*':
    case '*/*':
      return TEXT
    default:
      return undefined
  }
}

function escapingOf(parameters: ReadonlyMap<string, string>): string {
  const asked = parameters.get('escaping')
  return asked !== undefined && ESCAPINGS.includes(asked) ? `; escaping=${asked}` : ''
}

/** The parts of a header of preferences, in lower case. A q that cannot be read is 0: better left out than preferred. */
function partsOf(header: string | undefined): Part[] {
  if (header === undefined || header === '') return []
  return header
    .toLowerCase()
    .split(',', MAX_PARTS)
    .map((part) => {
      const [value = '', ...rest] = part.split(';').map((piece) => piece.trim())
      const parameters = new Map<string, string>()
      for (const piece of rest) {
        const at = piece.indexOf('=')
        if (at > 0) parameters.set(piece.slice(0, at).trim(), unquoted(piece.slice(at + 1).trim()))
      }
      const q = parameters.get('q')
      const quality = q === undefined ? 1 : /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q) : 0
      return { value, parameters, quality }
    })
}

function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
}
