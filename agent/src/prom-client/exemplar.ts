/** An example of what a counter or a bucket counted: a few labels (a trace), the value, when. Shown by OpenMetrics registries. */
import type { Labels } from './validate.ts'

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
