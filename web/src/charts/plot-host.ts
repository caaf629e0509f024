/**
 * What every chart drawn by uPlot shares: it lives in one element, takes its width and its theme, and has time below. No framework.
 *
 * - It is made again when colours change, because uPlot fixes them when it is made; it is only resized when the element is.
 * - Whoever opens a host closes it.
 */
import uPlot from 'uplot'
import { formatClock, formatInstant } from '../format/time.ts'
import { xTicks } from './axis.ts'
import { type Look, readLook } from './look.ts'
import type { Stage } from './overlay.ts'

export interface PlotHost extends Disposable {
  /** The chart as it is now; another one after `rebuild`. */
  chart(): uPlot
  rebuild(): void
}

export function hostPlot(
  element: HTMLElement,
  height: () => number,
  make: (look: Look, width: number) => uPlot,
): PlotHost {
  let chart = make(readLook(element), widthOf(element))
  const rebuild = () => {
    chart.destroy()
    chart = make(readLook(element), widthOf(element))
  }
  const resized = new ResizeObserver(() => {
    const width = widthOf(element)
    if (width > 0 && (width !== chart.width || height() !== chart.height)) chart.setSize({ width, height: height() })
  })
  const recoloured = new MutationObserver(rebuild)
  resized.observe(element)
  recoloured.observe(document.documentElement, {
    attributes: true,
    attributeFilter: ['data-mantine-color-scheme', 'data-stale'],
  })
  return {
    chart: () => chart,
    rebuild,
    [Symbol.dispose]() {
      resized.disconnect()
      recoloured.disconnect()
      chart.destroy()
    },
  }
}

function widthOf(element: HTMLElement): number {
  return Math.max(120, Math.floor(element.clientWidth))
}

/** Time, at round instants of the reader's zone. */
export function timeAxis(look: Look): uPlot.Axis {
  return {
    stroke: look.muted,
    font: look.font,
    grid: { show: false },
    ticks: { show: true, stroke: look.grid, size: 4, width: 1 },
    size: 28,
    gap: 5,
    splits: (u, _axis, low, high) => [...xTicks(low, high, u.width - 60, -new Date(low * 1000).getTimezoneOffset())],
    values: (_u, splits) => xTexts(splits),
  }
}

function xTexts(splits: readonly number[]): string[] {
  const gap = splits.length > 1 ? splits[1]! - splits[0]! : 60
  return splits.map((at) => {
    if (gap >= 86_400) return formatInstant(at * 1000, 0).slice(0, -6)
    return formatClock(at * 1000, { seconds: gap < 60 })
  })
}

/** The plot area in CSS pixels. uPlot's own context counts device pixels. */
export function stageOf(u: uPlot, look: Look): Stage {
  const ratio = uPlot.pxRatio
  const left = u.bbox.left / ratio
  const top = u.bbox.top / ratio
  return {
    ctx: u.ctx,
    left,
    top,
    width: u.bbox.width / ratio,
    height: u.bbox.height / ratio,
    x: (at) => left + u.valToPos(at, 'x'),
    y: (value) => top + u.valToPos(value, 'y'),
    look,
  }
}

/** Runs `draw` in CSS pixels, clipped to the plot. */
export function onStage(u: uPlot, look: Look, draw: (stage: Stage) => void): void {
  const stage = stageOf(u, look)
  const { ctx } = stage
  ctx.save()
  ctx.scale(uPlot.pxRatio, uPlot.pxRatio)
  ctx.beginPath()
  ctx.rect(stage.left, stage.top, stage.width, stage.height)
  ctx.clip()
  ctx.font = look.font
  draw(stage)
  ctx.restore()
}
