/**
 * The lines between the columns, drawn behind the cards. They are measured from the page itself, so that cards may be as
 * tall as they need. For who cannot see lines, each card lists what it calls (`part-card.tsx`).
 */
import { type ReactNode, useCallback, useLayoutEffect, useRef, useState } from 'react'
import type { EdgeWire } from '../api/wire.ts'
import { type Box, edgePaths } from './edge-paths.ts'
import { edgeMood, edgeWidth, edgeWords } from './edge-words.ts'

type EdgesProps = {
  readonly edges: readonly (EdgeWire & { readonly key: string })[]
  /** The part under the pointer or the focus: its edges stand out, the others step back. */
  readonly focus: string | undefined
  /** One column alone: no gutters, no lines. */
  readonly plain?: boolean
  readonly children: ReactNode
}

/** Of the label's font, near enough to keep the level piece as long as its words. */
const CHAR_PX = 6.6

/** Cards register by `data-node="ID"`. */
export function EdgeStage({ edges, focus, plain = false, children }: EdgesProps) {
  const stage = useRef<HTMLDivElement>(null)
  const [boxes, setBoxes] = useState<ReadonlyMap<string, Box>>(new Map())
  const measure = useCallback(() => {
    const element = stage.current
    if (element === null) return
    const origin = element.getBoundingClientRect()
    const next = new Map<string, Box>()
    for (const node of element.querySelectorAll<HTMLElement>('[data-node]')) {
      const { left, top, width, height } = node.getBoundingClientRect()
      next.set(node.dataset['node'] ?? '', { left: left - origin.left, top: top - origin.top, width, height })
    }
    setBoxes((previous) => (same(previous, next) ? previous : next))
  }, [])
  // After each render: a card may have grown a line. Setting equal boxes changes nothing, so this settles at once.
  useLayoutEffect(measure)
  useLayoutEffect(() => {
    const element = stage.current
    if (element === null) return
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    for (const node of element.querySelectorAll('[data-node]')) observer.observe(node)
    void document.fonts?.ready.then(measure)
    return () => observer.disconnect()
  }, [measure])
  const paths = edgePaths(
    edges.map((edge) => ({ ...edge, labelPx: edgeWords(edge).join(' ').length * CHAR_PX })),
    boxes,
  )
  const drawn = paths.flatMap((path) => {
    const edge = edges.find((candidate) => candidate.key === path.key)
    if (edge === undefined) return []
    const near = focus !== undefined && (edge.from === focus || edge.to === focus)
    const mood = `edge edge-${edgeMood(edge)}${near ? ' edge-near' : ''}${focus !== undefined && !near ? ' edge-far' : ''}`
    return [{ path, edge, mood }]
  })
  return (
    <div className={plain ? 'stage stage-plain' : 'stage'} ref={stage}>
      <svg className="edges" aria-hidden="true" focusable="false">
        <defs>
          <marker
            id="edge-tip"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0 .5 7.5 4 0 7.5z" fill="context-stroke" />
          </marker>
        </defs>
        {/* All lines first: no line is drawn over another one's words. */}
        {drawn.map(({ path, edge, mood }) => (
          <g key={path.key} className={mood}>
            <path d={path.d} strokeWidth={edgeWidth(edge)} markerEnd="url(#edge-tip)" />
          </g>
        ))}
        {drawn.map(({ path, edge, mood }) => (
          <g key={path.key} className={mood}>
            <text x={path.label[0]} y={path.label[1]} textAnchor={path.anchor} className="num live-number">
              {edgeWords(edge).map((word, i) => (
                <tspan
                  key={word}
                  className={i === 0 && edge.channel !== null ? 'edge-channel' : ''}
                  dx={i === 0 ? 0 : 5}
                >
                  {word}
                </tspan>
              ))}
            </text>
          </g>
        ))}
      </svg>
      {children}
    </div>
  )
}

function same(a: ReadonlyMap<string, Box>, b: ReadonlyMap<string, Box>): boolean {
  if (a.size !== b.size) return false
  for (const [id, box] of b) {
    const old = a.get(id)
    if (old === undefined) return false
    for (const side of ['left', 'top', 'width', 'height'] as const)
      if (Math.abs(old[side] - box[side]) > 0.5) return false
  }
  return true
}
