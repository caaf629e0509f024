/**
 * Writing the exposition format, text 0.0.4: what collectors answer, and what assay says of itself.
 *
 * - A family's HELP and TYPE come once, before its samples; samples of one family belong together.
 * - Names outside the old alphabet are written quoted, `{"my.metric",a="b"} 1`, as Prometheus 3 reads them.
 */
import { isLegacyLabel, isLegacyName } from './labels.ts'
import { formatValue } from './value.ts'

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped'

/** Grows one page. Values are written in base units; `undefined` values are left out, for facts that are not known. */
export class PageWriter {
  #text = ''
  #family = ''

  /** Starts a family. `help` is one sentence for people. */
  family(name: string, type: FamilyType, help: string): this {
    const written = isLegacyName(name) ? name : quote(name)
    this.#text += `# HELP ${written} ${escapeHelp(help)}\n# TYPE ${written} ${type}\n`
    this.#family = name
    return this
  }

  /** One sample of the family begun last; `suffix` for `_bucket`, `_sum`, `_count`. */
  sample(value: number | undefined, labels: Readonly<Record<string, string>> = {}, suffix = ''): this {
    if (value !== undefined) this.#text += `${formatSeries(this.#family + suffix, labels)} ${formatValue(value)}\n`
    return this
  }

  /** A family of a single sample. Nothing is written when the value is not known. */
  single(name: string, type: FamilyType, help: string, value: number | undefined): this {
    return value === undefined ? this : this.family(name, type, help).sample(value)
  }

  /** Text that is in the format already, as another exporter wrote it. */
  raw(page: string): this {
    this.#text += page === '' || page.endsWith('\n') ? page : `${page}\n`
    return this
  }

  toString(): string {
    return this.#text
  }
}

/** A series as a page spells it: `up{job="shop"}`. Labels are written in the order given. */
export function formatSeries(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs: string[] = []
  const legacy = isLegacyName(name)
  if (!legacy) pairs.push(quote(name))
  for (const label in labels) pairs.push(`${isLegacyLabel(label) ? label : quote(label)}=${quote(labels[label]!)}`)
  return pairs.length === 0 ? name : `${legacy ? name : ''}{${pairs.join(',')}}`
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
