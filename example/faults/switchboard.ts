/**
 * Switches faults on and off: one at a time, each at most once, and tells the services and the load by the board, a file.
 *
 * - Nothing survives: a fresh switchboard begins with an empty board.
 * - Breaking what is broken and healing what is whole change nothing.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { DemoError } from '../demo-error.ts'
import type { Fault, Grip } from './fault.ts'

export type FaultStatus = {
  readonly name: string
  readonly what: string
  readonly seen: string
  readonly since: string | undefined
}

export interface Switchboard extends AsyncDisposable {
  /** Throws `ASSAY_DEMO_FAULT` for a name that is none. */
  break(name: string): Promise<void>
  /** Without a name: all. Throws `ASSAY_DEMO_FAULT` for a name that is none. */
  heal(name?: string): Promise<void>
  faults(): readonly FaultStatus[]
}

type Active = {
  readonly since: number
  readonly stop: AbortController
  readonly heal: (() => Promise<void>) | undefined
}

export function switchboard(options: {
  readonly faults: readonly Fault[]
  readonly grip: Grip
  readonly boardFile: string
  readonly now: () => number
}): Switchboard {
  const { faults, grip, boardFile, now } = options
  const active = new Map<string, Active>()
  const writeBoard = () => {
    const board = Object.fromEntries([...active].map(([name, { since }]) => [name, since]))
    writeFileSync(`${boardFile}.new`, JSON.stringify(board))
    renameSync(`${boardFile}.new`, boardFile)
  }
  writeBoard()

  let last: Promise<unknown> = Promise.resolve()
  /** Calls take turns, whatever becomes of the one before. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = last.then(act, act)
    last = mine.catch(() => {})
    return mine
  }
  const known = (name: string): Fault => {
    const fault = faults.find((one) => one.name === name)
    if (fault === undefined)
      throw new DemoError(
        'ASSAY_DEMO_FAULT',
        `there is no fault ${JSON.stringify(name)}; there are ${faults.map((one) => one.name).join(', ')}`,
      )
    return fault
  }
  const healOne = async (name: string) => {
    const fault = active.get(name)
    if (fault === undefined) return
    fault.stop.abort()
    active.delete(name)
    writeBoard()
    try {
      await fault.heal?.()
    } catch (cause) {
      // Still broken: it stays on the board's list so that healing can be tried again.
      active.set(name, fault)
      writeBoard()
      throw cause
    }
  }
  return {
    break: (name) =>
      inTurn(async () => {
        const fault = known(name)
        if (active.has(name)) return
        const stop = new AbortController()
        const since = now()
        const heal = await fault.begin?.(grip, stop.signal)
        active.set(name, { since, stop, heal })
        writeBoard()
      }),
    heal: (name) =>
      inTurn(async () => {
        if (name !== undefined) return healOne(known(name).name)
        for (const each of [...active.keys()]) await healOne(each)
      }),
    faults: () =>
      faults.map(({ name, what, seen }) => {
        const since = active.get(name)?.since
        return { name, what, seen, since: since === undefined ? undefined : new Date(since).toISOString() }
      }),
    async [Symbol.asyncDispose]() {
      await last
      for (const { stop } of active.values()) stop.abort()
      active.clear()
      writeBoard()
    },
  }
}
