/** The labels of a written series, or why they are none. */
import { Labels, METRIC_NAME } from '#core'
import type { FaultReason } from './types.ts'
import { WRITE_LIMITS, type WriteLimits } from './write-limits.ts'

/** At most this much of bad labels is shown. */
const SHOWN = 200

export type LabelFault = { readonly reason: FaultReason; readonly why: string }

/**
 * From name, value, name, value, ... as they were sent. Out of order is put in order and empty values are dropped, as
 * Prometheus' receiver does; no metric name, an empty name, one twice or more than the limits allow is a fault, told as a sentence.
 *
 * The fast path is a sender that sorts, as the specification demands.
 */
export function seriesLabels(flat: readonly string[], limits: WriteLimits = WRITE_LIMITS): Labels | LabelFault {
  const beyond = beyondLimits(flat, limits)
  if (beyond !== undefined) return beyond
  const labels = labelsOf(flat)
  if (typeof labels === 'string') return { reason: 'invalid-labels', why: labels }
  if (labels.has(METRIC_NAME)) return labels
  return { reason: 'invalid-labels', why: `a series without ${METRIC_NAME}: ${shown(flat)}` }
}

/** As `seriesLabels`, for labels that need no metric name and know no limits: those of an exemplar. */
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

/** In the words of Prometheus' limits of a scrape, and with the flag that raises ours. */
function beyondLimits(flat: readonly string[], limits: WriteLimits): LabelFault | undefined {
  const { labelsPerSeries, labelNameBytes, labelValueBytes } = limits
  if (flat.length > labelsPerSeries * 2) {
    const why = `label_limit exceeded (number of labels: ${flat.length / 2}, limit: ${labelsPerSeries}, --storage.remote.write-label-limit): ${shown(flat)}`
    return { reason: 'label-limit', why }
  }
  for (let i = 0; i < flat.length; i += 2) {
    if (isLonger(flat[i]!, labelNameBytes)) {
      const why = `label_name_length_limit exceeded (label name: ${cut(flat[i]!)}, length: ${Buffer.byteLength(flat[i]!)}, limit: ${labelNameBytes}, --storage.remote.write-label-name-length-limit): ${shown(flat)}`
      return { reason: 'label-name-length-limit', why }
    }
    if (isLonger(flat[i + 1]!, labelValueBytes)) {
      const why = `label_value_length_limit exceeded (label name: ${cut(flat[i]!)}, value: ${JSON.stringify(cut(flat[i + 1]!))}, length: ${Buffer.byteLength(flat[i + 1]!)}, limit: ${labelValueBytes}, --storage.remote.write-label-value-length-limit): ${shown(flat)}`
      return { reason: 'label-value-length-limit', why }
    }
  }
  return undefined
}

/** A unit of a string is at most three bytes of UTF-8: nearly every text needs no count. */
function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}

function cut(text: string): string {
  return text.slice(0, 50)
}

function shown(flat: readonly string[]): string {
  const pairs: string[] = []
  for (let i = 0; i < flat.length && i < 20; i += 2)
    pairs.push(`${flat[i]!.slice(0, SHOWN)}=${JSON.stringify(flat[i + 1]!.slice(0, SHOWN))}`)
  return `{${pairs.join(', ').slice(0, SHOWN)}}`
}
