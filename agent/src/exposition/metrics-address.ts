/**
 * One metrics address for all workers of an application: whoever can bind it is the hub, the others join it.
 *
 * - When the hub dies, its connections close, and the others race to bind; who loses joins the winner. No election, no state.
 * - An address held by something foreign is said once on stderr, with what to do, and tried again slowly; the application goes on.
 * - Nothing here keeps the process alive.
 */
import type { Server } from 'node:http'
import { type FollowerOptions, join } from '../cluster/follower.ts'
import type { Hub } from '../cluster/hub.ts'
import type { Listen } from '../config.ts'
import type { Say } from '../guard.ts'
import { type ListenerOptions, listen } from './listener.ts'

const SOON_MS = 20
const LATER_MS = 1_000
const SLOWLY_MS = 30_000
/** Refusals before it is said: a restarted process often meets the last breath of the one before it. */
const PATIENCE = 3

export type AddressOptions = {
  readonly address: Listen
  readonly say: Say
  readonly listener: Omit<ListenerOptions, 'onUpgrade'>
  /** Undefined where workers cannot recognise each other: then only the first one is seen. */
  readonly workers: { readonly hub: Hub; readonly follower: Omit<FollowerOptions, 'address' | 'onJoined'> } | undefined
  /** The address as it is, when port 0 was asked for. */
  readonly onListening: (address: Listen) => void
}

/** Holds or joins the address until `signal` aborts. Never rejects. */
export async function holdAddress(options: AddressOptions, signal: AbortSignal): Promise<void> {
  const { address, say, workers } = options
  let refused = 0
  let said = false
  while (!signal.aborted) {
    const bound = await bind(options)
    if (typeof bound !== 'string') {
      const place = bound.address()
      options.onListening({
        host: address.host,
        port: typeof place === 'object' && place !== null ? place.port : address.port,
      })
      await closed(bound, signal)
      return
    }
    if (workers !== undefined && bound === 'EADDRINUSE') {
      const joined = (): void => {
        refused = 0
      }
      const ended = await join({ ...workers.follower, address, onJoined: joined }, signal)
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

async function bind(options: AddressOptions): Promise<Server | string> {
  try {
    const onUpgrade: ListenerOptions['onUpgrade'] = (request, socket, head) => {
      if (options.workers === undefined) socket.destroy()
      else options.workers.hub.accept(request, socket, head)
    }
    return await listen(options.address, { ...options.listener, onUpgrade })
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined
    return typeof code === 'string' ? code : String(cause)
  }
}

function closed(server: Server, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    server.once('close', () => resolve())
    const stop = (): void => {
      server.close()
      server.closeAllConnections()
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
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
