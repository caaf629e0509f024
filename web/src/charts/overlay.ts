/**
 * What is drawn around the lines: spans below them; threshold, marks and "no data" above. Plain canvas, CSS pixels.
 *
 * - Text never leaves the plot, and no two labels of marks overlap: a crowded label moves down a row, at most MARK_ROWS.
 */
import type { Exemplar } from './exemplars.ts'
import type { Look } from './look.ts'

/** A stretch of time, in Unix seconds; an open one ends at the right edge. */
export type Span = { readonly from: number; readonly to: number | undefined }
/** An instant with a few words. `strong`: an action, drawn in full ink. */
export type Mark = { readonly at: number; readonly text: string; readonly strong: boolean }

/** The plot area in CSS pixels with its two scales. */
export type Stage = {
  readonly ctx: CanvasRenderingContext2D
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly x: (at: number) => number
  readonly y: (value: number) => number
  readonly look: Look
}

const MARK_ROWS = 4
const ROW_PX = 14
const DIAMOND_PX = 3.5

export function drawSpans(stage: Stage, spans: readonly Span[]): void {
  const { ctx, look } = stage
  ctx.fillStyle = look.goldWash
  for (const span of spans) {
    const from = clampX(stage, stage.x(span.from))
    const to = span.to === undefined ? stage.left + stage.width : clampX(stage, stage.x(span.to))
    if (to > from) ctx.fillRect(from, stage.top, Math.max(2, to - from), stage.height)
  }
}

export function drawLimit(stage: Stage, limit: number, text: string): void {
  const { ctx, look } = stage
  const y = Math.round(stage.y(limit)) + 0.5
  if (y < stage.top - 1 || y > stage.top + stage.height + 1) return
  ctx.strokeStyle = look.red
  ctx.lineWidth = 1
  ctx.setLineDash([5, 4])
  line(ctx, stage.left, y, stage.left + stage.width, y)
  ctx.setLineDash([])
  ctx.fillStyle = look.red
  // On the left: the right end belongs to the names of the lines.
  ctx.textAlign = 'left'
  ctx.textBaseline = y - stage.top < 18 ? 'top' : 'bottom'
  halo(stage, text, stage.left + 5, ctx.textBaseline === 'top' ? y + 4 : y - 4)
}

export function drawGaps(stage: Stage, gaps: readonly (readonly [number, number])[]): void {
  const { ctx, look } = stage
  ctx.textAlign = 'center'
  ctx.textBaseline = 'bottom'
  for (const [from, to] of gaps) {
    const a = clampX(stage, stage.x(from))
    const b = clampX(stage, stage.x(to))
    if (b - a < 3) continue
    ctx.strokeStyle = look.muted
    ctx.lineWidth = 1
    ctx.setLineDash([1, 4])
    const y = stage.top + stage.height - 3.5
    line(ctx, a, y, b, y)
    ctx.setLineDash([])
    if (b - a < 24) continue
    ctx.fillStyle = look.muted
    ctx.font = `italic ${look.font}`
    halo(stage, 'no data', (a + b) / 2, y - 4)
    ctx.font = look.font
  }
}

export function drawMarks(stage: Stage, marks: readonly Mark[]): void {
  const { ctx, look } = stage
  /** Right ends of the last label in each row. */
  const rows = new Array<number>(MARK_ROWS).fill(Number.NEGATIVE_INFINITY)
  for (const mark of marks.toSorted((a, b) => a.at - b.at)) {
    const x = Math.round(stage.x(mark.at)) + 0.5
    if (x < stage.left - 1 || x > stage.left + stage.width + 1) continue
    ctx.strokeStyle = mark.strong ? look.ink : look.muted
    ctx.lineWidth = mark.strong ? 1.5 : 1
    ctx.setLineDash(mark.strong ? [] : [2, 3])
    line(ctx, x, stage.top, x, stage.top + stage.height)
    ctx.setLineDash([])
    const after = stage.left + stage.width - x - 5
    const before = x - 5 - stage.left
    const text = fit(ctx, mark.text, Math.max(after, before))
    const width = ctx.measureText(text).width
    const from = width > after ? x - 5 - width : x + 5
    const row = rows.findIndex((end) => end < from)
    if (row < 0) continue
    rows[row] = from + width + 8
    ctx.fillStyle = mark.strong ? look.ink : look.muted
    ctx.textAlign = 'left'
    ctx.textBaseline = 'top'
    halo(stage, text, from, stage.top + 4 + row * ROW_PX)
  }
}

export type Diamond = { readonly x: number; readonly y: number; readonly inside: boolean }

/** Where exemplars stand: at `yOf`, or at the foot where it gives nothing; what is beyond the plot is at its edge, hollow. */
export function placeDiamonds(
  stage: Stage,
  exemplars: readonly Exemplar[],
  yOf: (one: Exemplar) => number | undefined,
): readonly Diamond[] {
  const [top, bottom] = [stage.top + DIAMOND_PX, stage.top + stage.height - DIAMOND_PX]
  return exemplars.map((one) => {
    const y = yOf(one)
    const clamped = y === undefined ? bottom : Math.min(bottom, Math.max(top, y))
    return { x: stage.x(one.at), y: clamped, inside: y === undefined || Math.abs(y - clamped) <= DIAMOND_PX }
  })
}

/** Small marks in ink with a rim of the surface, so that they read over lines and cells alike. */
export function drawDiamonds(stage: Stage, diamonds: readonly Diamond[], chosen: number | undefined): void {
  const { ctx, look } = stage
  for (const [i, { x, y, inside }] of diamonds.entries()) {
    const size = i === chosen ? DIAMOND_PX * 1.7 : DIAMOND_PX
    ctx.beginPath()
    ctx.moveTo(x, y - size)
    ctx.lineTo(x + size, y)
    ctx.lineTo(x, y + size)
    ctx.lineTo(x - size, y)
    ctx.closePath()
    ctx.lineWidth = 3
    ctx.strokeStyle = look.surface
    ctx.stroke()
    ctx.lineWidth = 1
    ctx.strokeStyle = look.ink
    ctx.fillStyle = inside ? look.ink : look.surface
    ctx.fill()
    ctx.stroke()
  }
}

/** Names at the right ends of the lines, pushed apart so that each can be read. */
export function drawNames(
  stage: Stage,
  names: readonly { readonly text: string; readonly value: number; readonly colour: string }[],
): void {
  const { ctx } = stage
  const bottom = stage.top + stage.height - 2
  let above = stage.top
  ctx.textAlign = 'right'
  ctx.textBaseline = 'bottom'
  for (const { text, value, colour } of names.toSorted((a, b) => b.value - a.value)) {
    const y = Math.min(bottom, Math.max(above + 13, stage.y(value) - 5))
    above = y
    ctx.fillStyle = colour
    halo(stage, text, stage.left + stage.width - 4, y)
  }
}

/** As much of a text as has room, cut with an ellipsis. */
function fit(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  if (ctx.measureText(text).width <= room) return text
  let cut = text
  while (cut.length > 1 && ctx.measureText(`${cut}…`).width > room) cut = cut.slice(0, -1).trimEnd()
  return `${cut}…`
}

/** Text on a stroke of the surface's colour, so that it reads over lines. */
function halo(stage: Stage, text: string, x: number, y: number): void {
  const { ctx, look } = stage
  ctx.strokeStyle = look.surface
  ctx.lineWidth = 3
  ctx.lineJoin = 'round'
  ctx.strokeText(text, x, y)
  ctx.fillText(text, x, y)
}

function line(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath()
  ctx.moveTo(x1, y1)
  ctx.lineTo(x2, y2)
  ctx.stroke()
}

function clampX(stage: Stage, x: number): number {
  return Math.min(stage.left + stage.width, Math.max(stage.left, x))
}
