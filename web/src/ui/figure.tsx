/** A number as the hero: large tabular figure, small unit. Missing is a dash and the words "no data". */
import type { Unit } from '../api/wire.ts'
import { formatFigure, NO_DATA } from '../format/value.ts'
import './figure.css'

type FigureProps = {
  readonly unit: Unit
  readonly value: number | null
  readonly of?: number | null
  /** Beyond its limit: the one thing on this card to look at. */
  readonly accent?: boolean
  readonly size?: 'm' | 'l'
}

export function Figure({ unit, value, of = null, accent = false, size = 'm' }: FigureProps) {
  const { figure, unit: small } = formatFigure(unit, value, 'glance')
  const whole = of === null ? undefined : formatFigure(unit, of, 'glance')
  const missing = figure === NO_DATA.figure
  return (
    <span
      className={`figure figure-${size} num live-number${accent ? ' figure-accent' : ''}${missing ? ' figure-missing' : ''}`}
    >
      <span className="figure-value">{figure}</span>
      {missing ? (
        <span className="figure-unit">no data</span>
      ) : (
        <span className="figure-unit">
          {small}
          {whole === undefined || whole.figure === NO_DATA.figure
            ? ''
            : ` of ${whole.figure}${whole.unit === small ? '' : ` ${whole.unit}`}`}
        </span>
      )}
    </span>
  )
}
