/**
 * Garbage collections: how long they took by kind, and what was left after the last major one.
 *
 * - `nodejs_heap_size_after_gc_bytes` is the old generation (every space of the heap except the young ones), read in the turn of the
 *   loop after a major collection has ended. A sawtooth of garbage does not show in it; a leak is a line that rises. What the old
 *   generation got in the same turn is in it too: at the end of a long synchronous stretch it is read late.
 * - Durations are told by prom-client's name and by OpenTelemetry's, each with its own bounds and label.
 * - Absent until the first major collection. Buffers live outside of the heap: they have their own figure, of the same moment.
 * - The observer is unbuffered, as the timeline would keep every entry for readers that never come. It runs after collections only: an
 *   idle process is not woken by it.
 */
import { createRequire } from 'node:module'
import { PerformanceObserver } from 'node:perf_hooks'
import type { Guard } from '../guard.ts'
import { observe, type Slot, type Store, set } from '../store/index.ts'

const load = createRequire(import.meta.url)

const BOUNDS = [0.0001, 0.001, 0.01, 0.1, 1, 2, 5] as const
/** OpenTelemetry's. */
const OTHER_BOUNDS = [0.01, 0.1, 1, 10] as const
const MAJOR = 4
const KINDS: Readonly<Record<number, string>> = {
  1: 'minor',
  2: 'minor',
  [MAJOR]: 'major',
  8: 'incremental',
  16: 'weakcb',
}

type Entry = { readonly duration: number; readonly detail?: unknown }

/** Observes until disposed. */
export function watchCollections(store: Store, guard: Guard): Disposable {
  const durations = store.familyOrAside({
    name: 'nodejs_gc_duration_seconds',
    help: 'Duration of garbage collections by kind.',
    kind: 'histogram',
    bounds: BOUNDS,
  })
  const others = store.familyOrAside({
    name: 'v8js_gc_duration_seconds',
    help: 'Duration of garbage collections by type.',
    kind: 'histogram',
    bounds: OTHER_BOUNDS,
  })
  const after = (name: string, help: string) => store.familyOrAside({ name, help, kind: 'gauge', needsLoop: true })
  const heap = after(
    'nodejs_heap_size_after_gc_bytes',
    'Used part of the old generation after the last major collection.',
  )
  const external = after(
    'nodejs_external_memory_after_gc_bytes',
    'Memory that V8 holds outside of its heap, buffers with it, after the last major collection.',
  )
  const slots = new Map<number, readonly Slot[]>()

  const note = guard.wrap('gc', (entries: readonly Entry[]) => {
    let major = false
    for (const { duration, detail } of entries) {
      const kind = typeof detail === 'object' && detail !== null ? Number(Reflect.get(detail, 'kind')) : 0
      let both = slots.get(kind)
      if (both === undefined) {
        const name = KINDS[kind] ?? 'other'
        both = [durations.series([['kind', name]]), others.series([['v8js_gc_type', name]])]
        slots.set(kind, both)
      }
      for (const slot of both) observe(slot, duration / 1_000)
      if (kind === MAJOR) major = true
    }
    if (!major) return
    // Loaded with the first major collection: it takes 1.4 ms.
    const { getHeapSpaceStatistics } = load('node:v8') as typeof import('node:v8')
    set(heap.series(), oldGenerationBytes(getHeapSpaceStatistics()))
    set(external.series(), process.memoryUsage().external)
  })
  const observer = new PerformanceObserver((list) => void note(list.getEntries()))
  observer.observe({ type: 'gc', buffered: false })
  return { [Symbol.dispose]: () => observer.disconnect() }
}

/** Bytes used in all spaces where objects grow old. */
export function oldGenerationBytes(
  spaces: readonly { readonly space_name: string; readonly space_used_size: number }[],
): number {
  let bytes = 0
  for (const { space_name, space_used_size } of spaces) if (!space_name.startsWith('new_')) bytes += space_used_size
  return bytes
}
