/**
 * An example of what a counter or a bucket counted: a few labels (a trace), the value, when. Shown by OpenMetrics registries, and on the
 * agent's page in OpenMetrics and protobuf.
 *
 * They are written to the page's memory when it is about to be made: to write each would take five times as long as to note it, and one of
 * the last scrape is an example as good as another.
 */
import { formatLabels, wellFormed } from '../store/label-text.ts'
import { type Labels, validateLabelNames } from './validate.ts'

export type Exemplar = {
  readonly labelSet: Labels
  readonly value: number
  /** Unix seconds. */
  readonly timestamp: number
}

/** OpenMetrics 1.0: names and values together. */
const MAX_CHARACTERS = 128

export function makeExemplar(labelSet: Labels, value: number): Exemplar {
  let characters = 0
  for (const [name, text] of Object.entries(labelSet)) characters += `${name}${text}`.length
  if (characters > MAX_CHARACTERS) throw new RangeError('Label set size must be smaller than 128 UTF-8 chars')
  return { labelSet, value, timestamp: Date.now() / 1_000 }
}

/** Its labels as the agent's page has them; undefined when a name cannot stand on a page, which would make all of it unreadable. */
export function pageLabels({ labelSet }: Exemplar): string | undefined {
  const names = Object.keys(labelSet)
  if (!validateLabelNames(names)) return undefined
  return formatLabels(
    names,
    Object.values(labelSet).map((value) => wellFormed(String(value))),
  )
}
