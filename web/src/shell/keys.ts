/**
 * The keyboard as a small machine: `g` then a letter goes to a page, single letters do one thing.
 *
 * - Pure: the time comes in, the command goes out. A `g` is forgotten after SEQUENCE_MS.
 * - Keys typed into a field, or together with Ctrl, Alt or Meta, belong to the field and the browser.
 */
import { PAGES } from './pages.ts'

export type KeyState = { readonly prefixAt: number | undefined }
export type Command = { readonly kind: 'go'; readonly path: string } | { readonly kind: 'help' | 'search' | 'scheme' }
export type KeyPress = { readonly key: string; readonly chord: boolean; readonly inField: boolean }

export const SEQUENCE_MS = 1_500
export const NO_KEYS: KeyState = { prefixAt: undefined }

export function press(
  state: KeyState,
  { key, chord, inField }: KeyPress,
  nowMs: number,
): readonly [KeyState, Command | undefined] {
  if (chord || inField) return [NO_KEYS, undefined]
  if (state.prefixAt !== undefined && nowMs - state.prefixAt <= SEQUENCE_MS) {
    const page = PAGES.find((entry) => entry.key === key)
    return [NO_KEYS, page === undefined ? undefined : { kind: 'go', path: page.path }]
  }
  switch (key) {
    case 'g':
      return [{ prefixAt: nowMs }, undefined]
    case '?':
      return [NO_KEYS, { kind: 'help' }]
    case '/':
      return [NO_KEYS, { kind: 'search' }]
    case 'd':
      return [NO_KEYS, { kind: 'scheme' }]
    default:
      return [NO_KEYS, undefined]
  }
}
