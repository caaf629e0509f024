/**
 * How a fault reaches a service: a small file that every process reads four times a second.
 *
 * - A request to one process would hit a random one in cluster mode; a file is seen by all, whoever runs them.
 * - A file that is missing or half-written means no change; the next look comes 250 ms later.
 * - `since` is when the fault was switched on, so that a fault of the process alone can spare the ones started later.
 */
import { readFile } from 'node:fs/promises'

const LOOK_EVERY_MS = 250

export interface Faults extends Disposable {
  on(name: string): boolean
  /** Unix milliseconds; `undefined` while the fault is off. */
  since(name: string): number | undefined
  /** On, and switched on during the life of this process: what a restart cures. */
  onInThisProcess(name: string): boolean
  /** Resolves when the fault is off, or when `signal` aborts. */
  cleared(name: string, signal: AbortSignal): Promise<void>
  /** Called after every change. */
  onChange(listener: () => void): void
}

/** Watches the file until disposed. */
export function watchFaults(path: string): Faults {
  const startedAt = Date.now() - process.uptime() * 1000
  const listeners: (() => void)[] = []
  let text = '{}'
  let active: Readonly<Record<string, number>> = {}
  const look = async () => {
    const now = await readFile(path, 'utf8').catch(() => text)
    if (now === text) return
    const parsed = tryParseFaults(now)
    if (parsed === undefined) return
    text = now
    active = parsed
    for (const listener of listeners) listener()
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  timer.unref()
  void look()
  const since = (name: string) => active[name]
  return {
    on: (name) => since(name) !== undefined,
    since,
    onInThisProcess: (name) => (since(name) ?? 0) > startedAt,
    async cleared(name, signal) {
      while (since(name) !== undefined && !signal.aborted) {
        await new Promise<void>((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
      }
    },
    onChange: (listener) => void listeners.push(listener),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** The faults that are on, by the instant they were switched on; `undefined` when the text is none of ours. */
export function tryParseFaults(text: string): Readonly<Record<string, number>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    )
  } catch {
    return undefined
  }
}
