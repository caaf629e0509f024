/**
 * One chart in one element: uPlot with our axes, gaps, threshold, spans and marks. No framework.
 *
 * - `update` replaces data in place; a new set of lines or a new look rebuilds, because uPlot fixes both when it is made.
 * - It resizes with its element and is disposed with it: whoever opens a plot closes it.
 */
import uPlot from 'uplot'
import type { Unit } from '../api/wire.ts'
import { formatText, formatTicks } from '../format/value.ts'
import { axisScale, yRange, yTicks } from './axis.ts'
import { type Exemplar, nearest } from './exemplars.ts'
import { extentOf, type Frame, gapsOf, lastOf } from './frame.ts'
import { type Look, lineLook } from './look.ts'
import {
  drawDiamonds,
  drawGaps,
  drawLimit,
  drawMarks,
  drawNames,
  drawSpans,
  type Mark,
  placeDiamonds,
  type Span,
} from './overlay.ts'
import { hostPlot, onStage, stageOf, timeAxis } from './plot-host.ts'

/** From how far a mark is caught by the pointer. */
const NEAR_PX = 9

export type PlotSpec = {
  readonly frame: Frame
  readonly unit: Unit
  readonly limit?: number | undefined
  readonly spans?: readonly Span[]
  readonly marks?: readonly Mark[]
  readonly exemplars?: readonly Exemplar[]
  /** Exemplars stand at their value; otherwise at the foot, because the axis is of something else. */
  readonly exemplarsAtValue?: boolean
  /** The exemplar that is pointed at, by index. */
  readonly chosen?: number | undefined
  /** The name of the line to point at, or `true` for a chart of a single line. */
  readonly accent?: string | true | undefined
  /** Both in Unix seconds; absent: what the frame spans. */
  readonly from?: number
  readonly to?: number
  readonly height: number
}

/** Told as the pointer moves: the index under it and the exemplar near it, or `undefined` when there is none. */
export type OnHover = (index: number | undefined, exemplar: number | undefined) => void

export interface Plot extends Disposable {
  update(spec: PlotSpec): void
}

export function openPlot(element: HTMLElement, first: PlotSpec, onHover: OnHover): Plot {
  let spec = first
  let shape = shapeOf(first)
  const host = hostPlot(
    element,
    () => spec.height,
    (look, width) =>
      new uPlot(
        options(() => spec, look, width, onHover),
        data(spec),
        element,
      ),
  )
  return {
    update(next) {
      spec = next
      if (shapeOf(next) !== shape) {
        shape = shapeOf(next)
        host.rebuild()
      } else host.chart().setData(data(next))
    },
    [Symbol.dispose]: () => host[Symbol.dispose](),
  }
}

/** Lines that are distinct for the eye; the same text means that `setData` is enough. */
function shapeOf(spec: PlotSpec): string {
  return JSON.stringify([spec.frame.lines.map((line) => line.name), spec.accent, spec.unit, spec.height])
}

function data(spec: PlotSpec): uPlot.AlignedData {
  return [spec.frame.times as number[], ...spec.frame.lines.map((line) => line.values as (number | null)[])]
}

function isAccent(spec: PlotSpec, name: string): boolean {
  return spec.accent === true || spec.accent === name
}

function options(get: () => PlotSpec, look: Look, width: number, onHover: OnHover): uPlot.Options {
  const { frame, height } = get()
  const few = frame.lines.length > 1 && frame.lines.length <= 3 && frame.lines.every((line) => line.name.length <= 18)
  const range = (): [number, number] => {
    const spec = get()
    const [low, high] = yRange(extentOf(spec.frame), spec.limit, spec.unit)
    return [low, high]
  }
  return {
    width,
    height,
    padding: [10, 20, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 7, width: 2, fill: look.surface },
      drag: { x: false, y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: (_u, low, high) => [get().from ?? low, get().to ?? high] },
      y: { range },
    },
    axes: [
      timeAxis(look),
      {
        stroke: look.muted,
        font: look.font,
        grid: { stroke: look.grid, width: 1 },
        ticks: { show: false },
        gap: 8,
        size: (_u, values) => 16 + 6.6 * Math.max(2, ...(values ?? []).map((text) => text.length)),
        splits: (u, _axis, low, high) => [...yTicks(low, high, u.height - 38, get().unit)],
        values: (u, splits) => {
          const scale = axisScale(u.scales['y']?.min ?? 0, u.scales['y']?.max ?? 1, get().unit)
          return [...formatTicks(splits, scale)]
        },
      },
    ],
    series: [
      {},
      ...frame.lines.map((line, i): uPlot.Series => {
        const { stroke, dash } = lineLook(look, i, isAccent(get(), line.name))
        return {
          label: line.name,
          stroke,
          width: isAccent(get(), line.name) ? 2 : 1.5,
          spanGaps: false,
          points: { show: true, filter: lonely, size: 4, fill: stroke },
          ...(dash.length > 0 ? { dash: [...dash] } : {}),
        }
      }),
    ],
    hooks: {
      drawClear: [(u) => onStage(u, look, (stage) => drawSpans(stage, get().spans ?? []))],
      draw: [
        (u) =>
          onStage(u, look, (stage) => {
            const spec = get()
            drawGaps(stage, gapsOf(spec.frame))
            if (spec.limit !== undefined) drawLimit(stage, spec.limit, `limit ${formatText(spec.unit, spec.limit)}`)
            drawMarks(stage, spec.marks ?? [])
            drawDiamonds(stage, diamondsOf(spec, stage), spec.chosen)
            if (few) drawNames(stage, namesOf(spec, look))
          }),
      ],
      setCursor: [
        (u) => {
          const stage = stageOf(u, look)
          const { left = -1, top = -1, idx } = u.cursor
          const near =
            left < 0 ? undefined : nearest(diamondsOf(get(), stage), stage.left + left, stage.top + top, NEAR_PX)
          onHover(idx ?? undefined, near)
        },
      ],
    },
  }
}

/** A sample between two gaps would be no line at all: it is drawn as a point. An empty list draws none; `null` would draw all. */
function lonely(u: uPlot, series: number): number[] {
  const values = u.data[series] ?? []
  const found: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null) found.push(i)
  }
  return found
}

function namesOf(spec: PlotSpec, look: Look): { text: string; value: number; colour: string }[] {
  return spec.frame.lines.flatMap((line, i) => {
    const last = lastOf(spec.frame, line)
    if (last === undefined) return []
    return [{ text: line.name, value: last.value, colour: lineLook(look, i, isAccent(spec, line.name)).stroke }]
  })
}

function diamondsOf(spec: PlotSpec, stage: Parameters<typeof placeDiamonds>[0]) {
  const atValue = spec.exemplarsAtValue === true
  return placeDiamonds(stage, spec.exemplars ?? [], (one) => (atValue ? stage.y(one.value) : undefined))
}
