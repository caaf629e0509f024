/**
 * A heatmap in one element: time to the right, buckets upwards, darkness for the count. No framework.
 *
 * - A column without a sample stays empty and says "no data"; a bucket without observations is the bare surface.
 * - The cell that is pointed at is marked by an element above the canvas, so that moving the pointer draws nothing anew.
 */
import uPlot from 'uplot'
import type { Unit } from '../api/wire.ts'
import { axisTicks, type BucketAxis, place, placeBucket, tickText } from './bucket-axis.ts'
import type { Bucket } from './distribution.ts'
import { type Exemplar, nearest } from './exemplars.ts'
import { type Heat, heatGaps, levelOf } from './heat.ts'
import type { Look } from './look.ts'
import { drawDiamonds, drawGaps, placeDiamonds, type Stage } from './overlay.ts'
import { hostPlot, onStage, stageOf, timeAxis } from './plot-host.ts'

export type HeatSpec = {
  readonly heat: Heat
  readonly axis: BucketAxis
  readonly unit: Unit
  readonly height: number
  readonly exemplars: readonly Exemplar[]
  /** The exemplar that is pointed at, by index. */
  readonly chosen: number | undefined
}

export type Pointed = {
  readonly index: number
  readonly bucket: Bucket | undefined
  readonly exemplar: number | undefined
}

export interface HeatPlot extends Disposable {
  update(spec: HeatSpec): void
  /** Marks a cell, or none. */
  point(cell: { readonly index: number; readonly bucket: Bucket } | undefined): void
}

/** From how far a mark is caught by the pointer. */
const NEAR_PX = 9

export function openHeatPlot(
  element: HTMLElement,
  first: HeatSpec,
  onPoint: (pointed: Pointed | undefined) => void,
): HeatPlot {
  let spec = first
  const mark = document.createElement('div')
  mark.className = 'heat-mark'
  mark.hidden = true
  const host = hostPlot(
    element,
    () => spec.height,
    (look, width) => {
      const chart = new uPlot(
        options(() => spec, look, width, onPoint),
        data(spec),
        element,
      )
      chart.over.append(mark)
      return chart
    },
  )
  return {
    update(next) {
      const keys = Object.keys(next) as (keyof HeatSpec)[]
      if (keys.every((key) => next[key] === spec[key])) return
      const taller = next.height !== spec.height
      spec = next
      if (taller) host.rebuild()
      else host.chart().setData(data(next))
    },
    point(cell) {
      mark.hidden = cell === undefined
      if (cell === undefined) return
      const u = host.chart()
      const [from, to] = placeBucket(spec.axis, cell.bucket)
      const half = stepOf(spec.heat) / 2
      const at = spec.heat.times[cell.index] ?? 0
      const left = u.valToPos(at - half, 'x')
      const top = u.valToPos(to, 'y')
      Object.assign(mark.style, {
        left: `${left}px`,
        top: `${top}px`,
        width: `${Math.max(2, u.valToPos(at + half, 'x') - left)}px`,
        height: `${Math.max(2, u.valToPos(from, 'y') - top)}px`,
      })
    },
    [Symbol.dispose]: () => host[Symbol.dispose](),
  }
}

/** uPlot wants a line; this one has no values and only spans the scale of time. */
function data({ heat }: HeatSpec): uPlot.AlignedData {
  return [heat.times as number[], new Array<null>(heat.times.length).fill(null)]
}

function stepOf({ times }: Heat): number {
  return times.length > 1 ? times[1]! - times[0]! : 1
}

function options(
  get: () => HeatSpec,
  look: Look,
  width: number,
  onPoint: (pointed: Pointed | undefined) => void,
): uPlot.Options {
  const ticks = (u: uPlot) => axisTicks(get().axis, Math.max(2, Math.floor((u.height - 38) / 26)), get().unit)
  return {
    width,
    height: get().height,
    padding: [10, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    scales: {
      x: {
        time: true,
        range: (_u, low, high) => {
          const half = stepOf(get().heat) / 2
          return [low - half, high + half]
        },
      },
      y: { range: () => [0, 1] },
    },
    axes: [
      timeAxis(look),
      {
        stroke: look.muted,
        font: look.font,
        // Lines across the cells would read as data.
        grid: { show: false },
        ticks: { show: true, stroke: look.grid, size: 4, width: 1 },
        gap: 4,
        size: (_u, values) => 16 + 6.6 * Math.max(2, ...(values ?? []).map((text) => text.length)),
        splits: (u) => ticks(u).map(({ at }) => at),
        values: (u) => ticks(u).map(({ value }) => tickText(value, get().unit)),
      },
    ],
    series: [{}, { show: true, points: { show: false } }],
    hooks: {
      drawClear: [(u) => onStage(u, look, (stage) => drawCells(stage, get()))],
      draw: [
        (u) =>
          onStage(u, look, (stage) => {
            drawGaps(stage, heatGaps(get().heat))
            drawDiamonds(stage, diamondsOf(get(), stage), get().chosen)
          }),
      ],
      setCursor: [
        (u) => {
          const { left = -1, top = -1, idx } = u.cursor
          if (left < 0 || idx === null || idx === undefined) return onPoint(undefined)
          const { heat, axis } = get()
          const at = u.posToVal(top, 'y')
          const bucket = heat.columns[idx]?.buckets.find((one) => {
            const [from, to] = placeBucket(axis, one)
            return at >= from && at < to
          })
          const stage = stageOf(u, look)
          const exemplar = nearest(diamondsOf(get(), stage), stage.left + left, stage.top + top, NEAR_PX)
          onPoint({ index: idx, bucket, exemplar })
        },
      ],
    },
  }
}

function drawCells(stage: Stage, { heat, axis }: HeatSpec): void {
  const { ctx, look } = stage
  const half = stepOf(heat) / 2
  for (const [i, column] of heat.columns.entries()) {
    if (column === undefined) continue
    // Edges on whole pixels: two neighbours share one, so that no seam shines through.
    const left = Math.round(stage.x(heat.times[i]! - half))
    const right = Math.max(left + 1, Math.round(stage.x(heat.times[i]! + half)))
    for (const bucket of column.buckets) {
      const [from, to] = placeBucket(axis, bucket)
      const top = Math.round(stage.y(to))
      const bottom = Math.max(top + 1, Math.round(stage.y(from)))
      ctx.fillStyle = look.heat[levelOf(bucket.count, heat.most) - 1] ?? look.ink
      ctx.fillRect(left, top, right - left, bottom - top)
    }
  }
}

function diamondsOf({ exemplars, axis }: HeatSpec, stage: Stage) {
  return placeDiamonds(stage, exemplars, (one) => stage.y(place(axis, one.value)))
}
