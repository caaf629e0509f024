/**
 * Colours and fonts of a chart, read once from the page's own variables, so that light and dark live in one style sheet.
 * The accent is not among the line colours: gold means "look here", and only the page may say it.
 */

export type Look = {
  readonly ink: string
  readonly muted: string
  readonly grid: string
  readonly surface: string
  readonly gold: string
  readonly goldWash: string
  readonly red: string
  /** Told apart by hue and, above three, by dash as well. */
  readonly lines: readonly string[]
  /** Darkness of a heatmap, from few to many: steps of one hue whose lightness alone tells them apart. */
  readonly heat: readonly string[]
  readonly font: string
}

/** After every colour was used, lines go on dashed: never told apart by colour alone. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3]]

const LINES = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6'] as const

export const HEAT = ['--heat-1', '--heat-2', '--heat-3', '--heat-4', '--heat-5', '--heat-6'] as const

/** Reads the look that holds at `element`. */
export function readLook(element: Element): Look {
  const style = getComputedStyle(element)
  const get = (name: string) => style.getPropertyValue(name).trim()
  return {
    ink: get('--ink'),
    muted: get('--muted'),
    grid: get('--line'),
    surface: get('--surface'),
    gold: get('--gold'),
    goldWash: get('--gold-span'),
    red: get('--red'),
    lines: LINES.map(get),
    heat: HEAT.map(get),
    font: `11px ${style.fontFamily}`,
  }
}

/** How line `index` of a chart is drawn. `accent`: the one the page points at. */
export function lineLook(
  look: Look,
  index: number,
  accent: boolean,
): { readonly stroke: string; readonly dash: readonly number[] } {
  if (accent) return { stroke: look.gold, dash: [] }
  return {
    stroke: look.lines[index % look.lines.length] ?? look.ink,
    dash: DASHES[Math.floor(index / look.lines.length) % DASHES.length] ?? [],
  }
}
