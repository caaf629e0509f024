/**
 * One chart in one element: uPlot with our axes, gaps, threshold, spans and marks. No framework.
 *
 * - `update` replaces data in place; a new set of lines or a new look rebuilds, because uPlot fixes both when it is made.
 * - It resizes with its element and is disposed with it: whoever opens a plot closes it.
 */
import uPlot from 'uplot'
import type { Unit } from '../api/wire.ts'
import { formatClock, formatInstant } from '../format/time.ts'
import { formatText, formatTicks } from '../format/value.ts'
import { axisScale, xTicks, yRange, yTicks } from './axis.ts'
import { extentOf, type Frame, gapsOf, lastOf } from './frame.ts'
import { type Look, lineLook, readLook } from './look.ts'
import { drawGaps, drawLimit, drawMarks, drawNames, drawSpans, type Mark, type Span, type Stage } from './overlay.ts'

export type PlotSpec = {
  readonly frame: Frame
  readonly unit: Unit
  readonly limit?: number | undefined
  readonly spans?: readonly Span[]
  readonly marks?: readonly Mark[]
  /** The name of the line to point at, or `true` for a chart of a single line. */
  readonly accent?: string | true | undefined
  /** Both in Unix seconds; absent: what the frame spans. */
  readonly from?: number
  readonly to?: number
  readonly height: number
}

/** Told as the pointer moves: the index under it, or `undefined` when it left. */
export type OnHover = (index: number | undefined) => void

export interface Plot extends Disposable {
  update(spec: PlotSpec): void
}

export function openPlot(element: HTMLElement, first: PlotSpec, onHover: OnHover): Plot {
  let spec = first
  let chart: uPlot | undefined
  let shape = ''

  const build = () => {
    chart?.destroy()
    chart = new uPlot(
      options(() => spec, readLook(element), widthOf(element), onHover),
      data(spec),
      element,
    )
    shape = shapeOf(spec)
  }
  const resized = new ResizeObserver(() => {
    const width = widthOf(element)
    if (chart !== undefined && width > 0 && (width !== chart.width || spec.height !== chart.height)) {
      chart.setSize({ width, height: spec.height })
    }
  })
  const root = document.documentElement
  const recoloured = new MutationObserver(build)
  build()
  resized.observe(element)
  recoloured.observe(root, { attributes: true, attributeFilter: ['data-mantine-color-scheme', 'data-stale'] })

  return {
    update(next) {
      spec = next
      if (shapeOf(next) !== shape) build()
      else chart?.setData(data(next))
    },
    [Symbol.dispose]() {
      resized.disconnect()
      recoloured.disconnect()
      chart?.destroy()
      chart = undefined
    },
  }
}

/** Lines that are distinct for the eye; the same text means that `setData` is enough. */
function shapeOf(spec: PlotSpec): string {
  return JSON.stringify([spec.frame.lines.map((line) => line.name), spec.accent, spec.unit, spec.height])
}

function data(spec: PlotSpec): uPlot.AlignedData {
  return [spec.frame.times as number[], ...spec.frame.lines.map((line) => line.values as (number | null)[])]
}

function widthOf(element: HTMLElement): number {
  return Math.max(120, Math.floor(element.clientWidth))
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
      {
        stroke: look.muted,
        font: look.font,
        grid: { show: false },
        ticks: { show: true, stroke: look.grid, size: 4, width: 1 },
        size: 28,
        gap: 5,
        splits: (u, _axis, low, high) => [
          ...xTicks(low, high, u.width - 60, -new Date(low * 1000).getTimezoneOffset()),
        ],
        values: (_u, splits) => xTexts(splits),
      },
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
            if (few) drawNames(stage, namesOf(spec, look))
          }),
      ],
      setCursor: [(u) => onHover(u.cursor.idx ?? undefined)],
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

function xTexts(splits: readonly number[]): string[] {
  const gap = splits.length > 1 ? splits[1]! - splits[0]! : 60
  return splits.map((at) => {
    if (gap >= 86_400) return formatInstant(at * 1000, 0).slice(0, -6)
    return formatClock(at * 1000, { seconds: gap < 60 })
  })
}

/** Runs `draw` in CSS pixels, clipped to the plot. uPlot's own context counts device pixels. */
function onStage(u: uPlot, look: Look, draw: (stage: Stage) => void): void {
  const ratio = uPlot.pxRatio
  const { ctx } = u
  const left = u.bbox.left / ratio
  const top = u.bbox.top / ratio
  ctx.save()
  ctx.scale(ratio, ratio)
  ctx.beginPath()
  ctx.rect(left, top, u.bbox.width / ratio, u.bbox.height / ratio)
  ctx.clip()
  ctx.font = look.font
  draw({
    ctx,
    left,
    top,
    width: u.bbox.width / ratio,
    height: u.bbox.height / ratio,
    x: (at) => left + u.valToPos(at, 'x'),
    y: (value) => top + u.valToPos(value, 'y'),
    look,
  })
  ctx.restore()
}
