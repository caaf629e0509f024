/**
 * In which form a page of samples is asked for, from `Accept`, as Prometheus' clients and servers agree on it: text 0.0.4, or
 * protocol buffers with each family behind its length; and what becomes of names beyond `[a-zA-Z_:][a-zA-Z0-9_:]*`.
 *
 * Source: prometheus/common: expfmt/encode.go (`Negotiate`), model/metric.go (`EscapeName`).
 */
import { isLegacyName } from '#core'

export const ESCAPINGS = ['allow-utf-8', 'underscores', 'dots', 'values'] as const
export type Escaping = (typeof ESCAPINGS)[number]
export type ExpositionFormat = { readonly kind: 'text' | 'protobuf'; readonly escaping: Escaping }

const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const PROTOBUF = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

type Clause = { readonly type: string; readonly parameters: ReadonlyMap<string, string>; readonly weight: number }

export function contentTypeOf({ kind, escaping }: ExpositionFormat): string {
  return `${kind === 'text' ? TEXT : PROTOBUF}; escaping=${escaping}`
}

/** What nobody names is text with underscores: what every client reads. */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  let escaping: Escaping = 'underscores'
  for (const { type, parameters } of clausesOf(accept ?? '')) {
    escaping = ESCAPINGS.find((one) => one === parameters.get('escaping')) ?? escaping
    const asProtobuf = parameters.get('proto') === 'io.prometheus.client.MetricFamily'
    if (type === 'application/vnd.google.protobuf' && asProtobuf && parameters.get('encoding') === 'delimited')
      return { kind: 'protobuf', escaping }
    const version = parameters.get('version') ?? ''
    if (type === 'text/plain' && (version === '' || version === '0.0.4')) return { kind: 'text', escaping }
  }
  return { kind: 'text', escaping }
}

/** The heaviest first; equal ones as they were written. */
function clausesOf(accept: string): readonly Clause[] {
  const clauses = accept.split(',').map((text): Clause => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim())
    const parameters = new Map(
      rest.map((part) => {
        const [name = '', value = ''] = part.split('=').map((one) => one.trim())
        return [name.toLowerCase(), value.replace(/^"|"$/g, '')] as const
      }),
    )
    const weight = Number(parameters.get('q') ?? 1)
    return { type: type.toLowerCase(), parameters, weight: Number.isFinite(weight) ? weight : 1 }
  })
  return clauses.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight)
}

/** A name of a metric or label as one who asked for `escaping` can read it. */
export function escapeName(name: string, escaping: Escaping): string {
  switch (escaping) {
    case 'allow-utf-8':
      return name
    case 'underscores':
      return isLegacyName(name)
        ? name
        : mapped(
            name,
            (one) => (one === '_' ? '_' : undefined),
            () => '_',
          )
    case 'dots':
      return mapped(
        name,
        (one) => (one === '_' ? '__' : one === '.' ? '_dot_' : undefined),
        () => '__',
      )
    case 'values':
      return isLegacyName(name)
        ? name
        : `U__${mapped(
            name,
            (one) => (one === '_' ? '__' : undefined),
            (one) => `_${one.codePointAt(0)!.toString(16)}_`,
          )}`
    default:
      return escaping satisfies never
  }
}

function mapped(
  name: string,
  special: (character: string) => string | undefined,
  escaped: (character: string) => string,
): string {
  let text = ''
  for (const one of name) {
    const allowed = /[a-zA-Z:]/.test(one) || (/[0-9]/.test(one) && text !== '')
    text += special(one) ?? (allowed ? one : escaped(one))
  }
  return text
}
