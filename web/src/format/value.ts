/**
 * Numbers as people read them: a figure and its small unit, kept apart so that the figure can be large.
 *
 * - Missing, NaN and absent are one thing: no data. It is written as a dash, never as zero.
 * - At most three significant figures below a thousand; whole numbers stay whole.
 * - Bytes are binary (GiB), as memory limits are; ratios are percent; durations choose µs, ms, s, min, h, d.
 */
import type { Unit } from '../api/wire.ts'

/** A figure and its unit: `{ figure: '640', unit: 'ms' }`. `unit` is '' where there is none. */
export type Figure = { readonly figure: string; readonly unit: string }

/** One scale for many values of a chart: `value * factor` is in `unit`. */
export type Scale = { readonly factor: number; readonly unit: string }

export const NO_DATA: Figure = { figure: '–', unit: '' }

/** A narrow space that does not break: groups digits without looking like two numbers, and is no decimal sign anywhere. */
const THIN = '\u202f'

/** Between a figure and its unit: they stay on one line. */
const TIE = '\u00a0'

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const
const SECONDS: readonly (readonly [below: number, factor: number, unit: string])[] = [
  [0.001, 1e6, 'µs'],
  [1, 1e3, 'ms'],
  [120, 1, 's'],
  [7200, 1 / 60, 'min'],
  [172_800, 1 / 3600, 'h'],
  [Number.POSITIVE_INFINITY, 1 / 86_400, 'd'],
]

/** The scale in which a value of this size reads best. `size` is taken without its sign; 0 gives the base unit's. */
export function scaleOf(unit: Unit, size: number): Scale {
  const at = Math.abs(size)
  switch (unit) {
    case 'seconds': {
      if (at === 0) return { factor: 1e3, unit: 'ms' }
      const row = SECONDS.find(([below]) => at < below) ?? SECONDS[SECONDS.length - 1]!
      return { factor: row[1], unit: row[2] }
    }
    case 'ratio':
      return { factor: 100, unit: '%' }
    case 'per_second':
      if (at >= 1e6) return { factor: 1e-6, unit: 'M/s' }
      return at >= 1e4 ? { factor: 1e-3, unit: 'k/s' } : { factor: 1, unit: '/s' }
    case 'bytes': {
      const power = at < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(at) / 10))
      return { factor: 1 / 1024 ** power, unit: BYTES[power]! }
    }
    case 'count':
      if (at >= 1e9) return { factor: 1e-9, unit: 'G' }
      return at >= 1e6 ? { factor: 1e-6, unit: 'M' } : { factor: 1, unit: '' }
    default:
      return unit satisfies never
  }
}

/** `exact`: three significant figures, for reading. `glance`: two, so that a wall of numbers keeps still. */
export type Detail = 'exact' | 'glance'

/** One value with the unit that suits it. `null`, NaN: a dash. */
export function formatFigure(unit: Unit, value: number | null | undefined, detail: Detail = 'exact'): Figure {
  if (value === null || value === undefined || Number.isNaN(value)) return NO_DATA
  if (!Number.isFinite(value)) return { figure: value > 0 ? '∞' : '−∞', unit: '' }
  const scale = scaleOf(unit, value)
  return { figure: formatNumber(value * scale.factor, detail), unit: scale.unit }
}

/** The figure and its unit as one text: `640 ms`, `46 %`, `312 /s`, `no data`. */
export function formatText(unit: Unit, value: number | null | undefined, detail: Detail = 'exact'): string {
  const { figure, unit: small } = formatFigure(unit, value, detail)
  if (figure === NO_DATA.figure) return 'no data'
  return small === '' ? figure : `${figure}${TIE}${small}`
}

/** A bare number: three significant figures below a thousand, grouped by thin spaces above. */
export function formatNumber(value: number, detail: Detail = 'exact'): string {
  if (Number.isNaN(value)) return NO_DATA.figure
  if (value < 0) {
    const text = formatNumber(-value, detail)
    return text === '0' ? '0' : `−${text}`
  }
  if (value === 0) return '0'
  if (value < 0.001) return value.toExponential(1).replace('e-', ' e−')
  if (value < 999.5) {
    const fewer = detail === 'glance' ? 1 : 0
    const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.0995 ? 2 : 3
    return trimZeros(value.toFixed(Math.max(0, digits - fewer)))
  }
  return group(Math.round(value).toString())
}

/** All ticks of an axis in one scale, with just the digits that tell them apart. Returns bare numbers. */
export function formatTicks(ticks: readonly number[], scale: Scale): readonly string[] {
  const scaled = ticks.map((tick) => tick * scale.factor)
  const gap = scaled.length > 1 ? Math.abs(scaled[1]! - scaled[0]!) : Math.abs(scaled[0] ?? 1)
  const digits = gap > 0 && Number.isFinite(gap) ? Math.min(6, Math.max(0, Math.ceil(-Math.log10(gap) - 1e-9))) : 0
  const even = scaled.every((value) => Math.abs(Number(value.toFixed(digits)) - value) < gap / 50)
  return scaled.map((value) => {
    const text = value.toFixed(even ? digits : digits + 1)
    const [whole = '', rest] = text.replace('-', '').split('.')
    const grouped = rest === undefined ? group(whole) : `${group(whole)}.${rest}`
    return value < 0 && Number(text) !== 0 ? `−${grouped}` : grouped
  })
}

function group(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, THIN)
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
