/** Quantities as people read them: `500 ms`, `12 %`, `1.5 GiB`, `130/s`. Three significant digits at most. */
import type { Unit } from '#responder'

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function formatQuantity(value: number, unit: Unit): string {
  switch (unit) {
    case 'seconds':
      return Math.abs(value) < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`
    case 'ratio':
      return `${digits(value * 100)} %`
    case 'per_second':
      return `${digits(value)}/s`
    case 'bytes': {
      let rest = value
      let power = 0
      while (Math.abs(rest) >= 1024 && power < BINARY.length - 1) {
        rest /= 1024
        power++
      }
      return `${digits(rest)} ${BINARY[power]}`
    }
    case 'count':
      return digits(value)
    default:
      return unit satisfies never
  }
}

/** How long, in one or two units, for a sentence: `3 min`, `2 h 5 min`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.floor(hours / 24)} days`
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
  return String(rounded)
}
