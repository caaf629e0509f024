/** The stretch of time that charts show: one choice for all pages, kept in the browser, ending now. */
import { SegmentedControl } from '@mantine/core'
import { useSyncExternalStore } from 'react'

export const RANGES = [
  { id: '5m', ms: 300_000, words: '5 minutes' },
  { id: '15m', ms: 900_000, words: '15 minutes' },
  { id: '30m', ms: 1_800_000, words: '30 minutes' },
  { id: '1h', ms: 3_600_000, words: 'hour' },
  { id: '6h', ms: 21_600_000, words: '6 hours' },
  { id: '24h', ms: 86_400_000, words: '24 hours' },
  { id: '7d', ms: 604_800_000, words: '7 days' },
] as const
export type Range = (typeof RANGES)[number]

const KEY = 'assay-range'
const listeners = new Set<() => void>()

export function useRange(): readonly [Range, (id: string) => void] {
  const id = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => stored(),
  )
  return [RANGES.find((range) => range.id === id) ?? RANGES[1], choose]
}

export function RangePicker() {
  const [range, setRange] = useRange()
  return (
    <SegmentedControl
      size="xs"
      aria-label="Range of the charts"
      value={range.id}
      onChange={setRange}
      data={RANGES.map(({ id }) => ({ value: id, label: id }))}
    />
  )
}

function choose(id: string): void {
  try {
    localStorage.setItem(KEY, id)
  } catch {
    // A browser that forbids storage keeps the choice for as long as the page lives.
  }
  current = id
  for (const listener of listeners) listener()
}

let current: string | undefined
function stored(): string {
  if (current === undefined) {
    try {
      current = localStorage.getItem(KEY) ?? '15m'
    } catch {
      current = '15m'
    }
  }
  return current
}
