/** The labels of a written series, or why they are none. */
import { Labels, METRIC_NAME } from '#core'

/** At most this much of bad labels is shown. */
const SHOWN = 200

/**
 * From name, value, name, value, ... as they were sent. Out of order is put in order and empty values are dropped, as
 * Prometheus' receiver does; no metric name, an empty name or one twice is a fault, told as a sentence.
 *
 * The fast path is a sender that sorts, as the specification demands.
 */
export function seriesLabels(flat: readonly string[]): Labels | string {
  const labels = labelsOf(flat)
  if (typeof labels === 'string') return labels
  return labels.has(METRIC_NAME) ? labels : `a series without ${METRIC_NAME}: ${shown(flat)}`
}

/** As `seriesLabels`, for labels that need no metric name: those of an exemplar. */
export function labelsOf(flat: readonly string[]): Labels | string {
  let sorted = true
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === '') return `a label without a name: ${shown(flat)}`
    // Only names of plain ASCII order by code units as by bytes; `Labels.fromPairs` does the others.
    if (flat[i + 1] === '' || flat[i]! > 'z' || (i > 0 && flat[i]! <= flat[i - 2]!)) sorted = false
  }
  if (sorted) return Labels.fromSorted(flat)
  const pairs: [string, string][] = []
  const names = new Set<string>()
  for (let i = 0; i < flat.length; i += 2) {
    if (names.has(flat[i]!)) return `a label name twice, ${JSON.stringify(flat[i]!.slice(0, SHOWN))}: ${shown(flat)}`
    names.add(flat[i]!)
    pairs.push([flat[i]!, flat[i + 1]!])
  }
  return Labels.fromPairs(pairs)
}

function shown(flat: readonly string[]): string {
  const pairs: string[] = []
  for (let i = 0; i < flat.length && i < 20; i += 2)
    pairs.push(`${flat[i]!.slice(0, SHOWN)}=${JSON.stringify(flat[i + 1]!.slice(0, SHOWN))}`)
  return `{${pairs.join(', ').slice(0, SHOWN)}}`
}
