/** Measured values as people say them: `812 ms`, `12 %`, `130/s`, `1.2 GiB`. */
import type { UnixMs } from '#core'
import type { Unit } from './types.ts'

export function formatMeasure(value: number | undefined, unit: Unit): string {
  if (value === undefined || Number.isNaN(value)) return 'no data'
  switch (unit) {
    case 'seconds':
      return Math.abs(value) < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`
    case 'ratio':
      return `${digits(value * 100)} %`
    case 'per_second':
      return `${digits(value)}/s`
    case 'bytes': {
      const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
      const power = Math.min(Math.max(Math.floor(Math.log2(Math.abs(value) || 1) / 10), 0), units.length - 1)
      return `${digits(value / 1024 ** power)} ${units[power]}`
    }
    case 'count':
      return digits(value)
    default:
      return unit satisfies never
  }
}

/** Three digits that count; whole numbers stay whole. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : '-infinite'
  return Math.abs(value) >= 100
    ? String(Math.round(value))
    : String(Number(value.toPrecision(2 + (Math.abs(value) >= 10 ? 1 : 0))))
}

/** `2 min 5 s`. */
export function formatSpan(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1000))
  const [days, hours, minutes, seconds] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ]
  const shown = [
    [days, 'd'],
    [hours, 'h'],
    [minutes, 'min'],
    [seconds, 's'],
  ].filter(([count]) => count !== 0)
  return shown.length === 0
    ? '0 s'
    : shown
        .slice(0, 2)
        .map(([count, unit]) => `${count} ${unit}`)
        .join(' ')
}

/** `2026-03-01 12:00:05 UTC`. */
export function formatInstant(at: UnixMs): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
