/**
 * The order of series in every answer: name by name, value by value, by UTF-8 bytes; a prefix sorts first.
 */
import { byBytes, type Labels } from '#core'

export function compareLabels(a: Labels, b: Labels): number {
  const x = a.flat
  const y = b.flat
  const length = Math.min(x.length, y.length)
  for (let i = 0; i < length; i++) {
    if (x[i] !== y[i]) return byBytes(x[i]!, y[i]!)
  }
  return x.length - y.length
}
