/**
 * Where the edges between the columns run: from the side of one card to the side of another, without crossing a card.
 *
 * - Pure geometry over boxes in one coordinate system, CSS pixels, y downwards.
 * - Each end has its own port; ports of one side are spread and ordered by where the other end is, so that lines of one
 *   card do not cross each other near it.
 * - Between parts of one column an edge leaves and enters on the left and bows outwards; between columns it ends in a
 *   level piece, on which its label stands.
 */

export type Box = { readonly left: number; readonly top: number; readonly width: number; readonly height: number }
export type EdgeEnds = {
  readonly key: string
  readonly from: string
  readonly to: string
  /** Width of its label; absent: as wide as labels get. */
  readonly labelPx?: number
}
export type EdgePath = {
  readonly key: string
  /** `d` of the line. */
  readonly d: string
  /** Where the label stands, just above the line, and how it is anchored there. */
  readonly label: readonly [x: number, y: number]
  readonly anchor: 'start' | 'end'
}

/** Level pieces at the ends, long enough for a label at the target. */
const LABEL_PX = 112
const STUB_PX = 10
const PORT_GAP = 21
/** An edge within a column runs this far outside at least, and beyond the labels that stand there if there is room. */
const BOW_PX = 26
/** Ports keep this far from a card's corners. */
const CORNER_PX = 16

type Side = 'left' | 'right'
type End = {
  readonly edge: EdgeEnds
  readonly role: 'from' | 'to'
  readonly box: Box
  readonly side: Side
  readonly other: Box
}

/** Edges whose boxes are both known; the others have no path. */
export function edgePaths(edges: readonly EdgeEnds[], boxes: ReadonlyMap<string, Box>): readonly EdgePath[] {
  const known = edges.filter((edge) => boxes.has(edge.from) && boxes.has(edge.to) && edge.from !== edge.to)
  const ends = known.flatMap((edge): End[] => {
    const from = boxes.get(edge.from)!
    const to = boxes.get(edge.to)!
    const same = Math.abs(from.left - to.left) < 4
    const forward = from.left < to.left
    return [
      { edge, role: 'from', box: from, side: same || !forward ? 'left' : 'right', other: to },
      { edge, role: 'to', box: to, side: same || forward ? 'left' : 'right', other: from },
    ]
  })
  const ports = portsOf(ends)
  return known.map((edge) => {
    const from = boxes.get(edge.from)!
    const to = boxes.get(edge.to)!
    const y1 = ports.get(`${edge.key} from`)!
    const y2 = ports.get(`${edge.key} to`)!
    if (Math.abs(from.left - to.left) < 4) return bow(edge.key, [from, to], [y1, y2], bowPx(to, known, boxes))
    return from.left < to.left ? across(edge, from, to, [y1, y2]) : across(edge, to, from, [y2, y1])
  })
}

function across(
  { key, labelPx = LABEL_PX }: EdgeEnds,
  left: Box,
  right: Box,
  [y1, y2]: readonly [number, number],
): EdgePath {
  const x1 = left.left + left.width
  const x2 = right.left
  const room = x2 - x1
  const level = Math.min(labelPx + 14, Math.max(STUB_PX, room * 0.72))
  const turn = x2 - level
  const start = x1 + Math.min(STUB_PX, room * 0.1)
  const bend = (turn - start) * 0.55
  const d = `M${px(x1)} ${px(y1)}H${px(start)}C${px(start + bend)} ${px(y1)} ${px(turn - bend)} ${px(y2)} ${px(turn)} ${px(y2)}H${px(x2)}`
  return { key, d, label: [px(x2 - 11), px(y2 - 5)], anchor: 'end' }
}

function bow(
  key: string,
  [from, to]: readonly [Box, Box],
  [y1, y2]: readonly [number, number],
  outPx: number,
): EdgePath {
  const out = Math.min(from.left, to.left) - outPx
  const r = Math.min(12, Math.abs(y2 - y1) / 2)
  const down = y2 > y1 ? 1 : -1
  const d = `M${px(from.left)} ${px(y1)}H${px(out + r)}Q${px(out)} ${px(y1)} ${px(out)} ${px(y1 + r * down)}V${px(y2 - r * down)}Q${px(out)} ${px(y2)} ${px(out + r)} ${px(y2)}H${px(to.left)}`
  return { key, d, label: [px(to.left - 11), px(y2 - 5)], anchor: 'end' }
}

/** How far an edge within the column of `box` runs outside: past the labels of the lines that arrive there. */
function bowPx(box: Box, edges: readonly EdgeEnds[], boxes: ReadonlyMap<string, Box>): number {
  const arriving = edges.filter((edge) => boxes.get(edge.to)!.left === box.left)
  const labels = Math.max(0, ...arriving.map((edge) => edge.labelPx ?? LABEL_PX))
  const neighbours = [...boxes.values()].filter((other) => other.left + other.width <= box.left)
  const room =
    neighbours.length === 0 ? 2 * BOW_PX : box.left - Math.max(...neighbours.map((other) => other.left + other.width))
  return Math.max(BOW_PX, Math.min(labels + 22, room - 12))
}

/** The y of every end, by `KEY from` and `KEY to`. */
function portsOf(ends: readonly End[]): ReadonlyMap<string, number> {
  const sides = new Map<string, End[]>()
  for (const end of ends) {
    const name = `${end.box.left} ${end.box.top} ${end.side}`
    const list = sides.get(name)
    if (list === undefined) sides.set(name, [end])
    else list.push(end)
  }
  const ports = new Map<string, number>()
  for (const list of sides.values()) {
    list.sort((a, b) => centre(a.other) - centre(b.other) || compare(a.edge.key, b.edge.key))
    const { box } = list[0]!
    const room = Math.max(0, box.height - 2 * CORNER_PX)
    const gap = Math.min(PORT_GAP * 1.6, list.length > 1 ? room / (list.length - 1) : 0)
    const first = centre(box) - (gap * (list.length - 1)) / 2
    list.forEach((end, i) => {
      ports.set(`${end.edge.key} ${end.role}`, first + i * gap)
    })
  }
  // An end that is alone on its side moves to the height of the other one, where that is still on its card: a level line.
  for (const list of sides.values()) {
    const [end] = list
    if (list.length !== 1 || end === undefined) continue
    const wanted = ports.get(`${end.edge.key} ${end.role === 'from' ? 'to' : 'from'}`)!
    const low = end.box.top + Math.min(CORNER_PX, end.box.height / 2)
    const high = end.box.top + end.box.height - Math.min(CORNER_PX, end.box.height / 2)
    if (wanted >= low && wanted <= high) ports.set(`${end.edge.key} ${end.role}`, wanted)
  }
  return ports
}

function centre(box: Box): number {
  return box.top + box.height / 2
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function px(value: number): number {
  return Math.round(value * 10) / 10
}
