/**
 * One metrics address for all workers of an application: whoever can bind it is the hub, the others join it.
 *
 * - When the hub dies, its connections close, and the others race to bind; who loses joins the winner. No election, no state.
 * - An address held by something foreign is said once on stderr, with what to do, and tried again slowly; the application goes on.
 * - Nothing here keeps the process alive. Who waits for a first scrape has loaded nothing but a listening socket.
 */
import type { Socket } from 'node:net'
import type { Ended } from '../cluster/follower.ts'
import type { Listen } from '../config.ts'
import type { Say } from '../guard.ts'
import { type Door, openDoor } from './door.ts'

const SOON_MS = 20
const LATER_MS = 1_000
const SLOWLY_MS = 30_000
/** Refusals before it is said: a restarted process often meets the last breath of the one before it. */
const PATIENCE = 3

export type AddressOptions = {
  readonly address: Listen
  readonly say: Say
  /** Of every connection to the address; paused. */
  readonly onSocket: (socket: Socket) => void
  /** Joins the hub that holds the address. Undefined where workers cannot recognise each other: then only the first one is seen. */
  readonly join: ((onJoined: () => void, signal: AbortSignal) => Promise<Ended>) | undefined
  /** Told the address as it is bound, or undefined when a hub has been joined. */
  readonly onHeld: (address: Listen | undefined) => void
}

/** Holds or joins the address until `signal` aborts; from then on it does not listen. Never rejects. */
export async function holdAddress(options: AddressOptions, signal: AbortSignal): Promise<void> {
  const { address, say, join } = options
  let refused = 0
  let said = false
  while (!signal.aborted) {
    const bound = await bind(options)
    if (typeof bound !== 'string') {
      if (signal.aborted) return bound.close()
      const close = (): void => bound.close()
      signal.addEventListener('abort', close, { once: true })
      options.onHeld(bound.address)
      await bound.closed
      return
    }
    if (join !== undefined && bound === 'EADDRINUSE') {
      const joined = (): void => {
        refused = 0
        options.onHeld(undefined)
      }
      const ended = await join(joined, signal)
      if (ended === 'left') {
        // Spread the race, so that a hundred workers do not knock in the same instant.
        await pause(Math.random() * SOON_MS, signal)
        continue
      }
      if (ended === 'unreachable' && refused++ < PATIENCE) {
        await pause(SOON_MS * 2 ** refused, signal)
        continue
      }
    }
    if (signal.aborted) return
    if (++refused > PATIENCE && !said) {
      said = true
      const where = `${address.host}:${address.port}`
      const why = bound === 'EADDRINUSE' ? 'is held by another program' : `cannot be listened on (${bound})`
      say(
        'ASSAY_AGENT_ADDRESS',
        `${where} ${why}; set ASSAY_AGENT_LISTEN to a free address. The application runs on without metrics; trying again every ${SLOWLY_MS / 1_000} s`,
      )
    }
    await pause(said ? SLOWLY_MS : LATER_MS, signal)
  }
}

/** The system's error code when it cannot be had. */
async function bind({ address, onSocket }: AddressOptions): Promise<Door | string> {
  try {
    return await openDoor(address, onSocket)
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined
    return typeof code === 'string' ? code : String(cause)
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds).unref()
    signal.addEventListener('abort', done, { once: true })
  })
}
