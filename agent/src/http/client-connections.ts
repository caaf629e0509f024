/**
 * Connections that this process keeps open as an HTTP client: `http_client_open_connections` by address and state.
 *
 * - Counted when scraped; a request costs one comparison, a connection of undici's one listener.
 * - node:http: the pools that keep connections (`new http.Agent({ keepAlive: true })`, the global agents). Agents are held weakly.
 * - undici and fetch: every connection from its `connected` to its `close`. undici lets go of the event loop while a connection
 *   waits for work, which is how an idle one is told.
 */
import type { Guard } from '../guard.ts'
import { peek } from '../libraries/require-hook.ts'
import { type Slot, type Store, set } from '../store/index.ts'

const MAX_AGENTS = 64
const MAX_SOCKETS = 10_000
const MAX_PLACES = 200

type Place = { readonly slot: Slot; count: number }
type Connected = {
  readonly connectParams?: unknown
  readonly socket?: unknown
}
type OpenSocket = { readonly address: string; readonly port: string }

export function watchConnections(store: Store, guard: Guard): { seeAgent(agent: unknown): void } {
  const family = store.family({
    name: 'http_client_open_connections',
    help: 'Connections that HTTP clients hold open.',
    kind: 'gauge',
    needsLoop: true,
    maxSeries: MAX_PLACES,
  })
  const places = new Map<string, Place>()
  const agents = new Set<WeakRef<object>>()
  const seen = new WeakSet<object>()
  const sockets = new Map<object, OpenSocket>()

  const count = (address: string, port: string, state: 'active' | 'idle', by: number): void => {
    const key = `${state} ${port} ${address}`
    let place = places.get(key)
    if (place === undefined) {
      if (places.size >= MAX_PLACES) return
      const slot = family.series([
        ['http_connection_state', state],
        ['server_address', address],
        ['server_port', port],
      ])
      place = { slot, count: 0 }
      places.set(key, place)
    }
    place.count += by
  }

  store.collectors.push(
    guard.wrap('http_client', () => {
      if (places.size === 0 && agents.size === 0 && sockets.size === 0) return
      for (const place of places.values()) place.count = 0
      for (const ref of agents) {
        const agent = ref.deref()
        if (agent === undefined) agents.delete(ref)
        else
          for (const [state, held] of heldBy(agent))
            countPool(held, (address, port, by) => count(address, port, state, by))
      }
      for (const [socket, { address, port }] of sockets) count(address, port, isIdle(socket) ? 'idle' : 'active', 1)
      for (const [key, { slot, count }] of places) {
        set(slot, count)
        // A place that is empty stays at 0, so that a chart shows it, until there is need for room.
        if (count === 0 && places.size > MAX_PLACES / 2) {
          family.remove(slot)
          places.delete(key)
        }
      }
    }),
  )

  guard.on<Connected>('undici:client:connected', 'undici', ({ connectParams, socket }) => {
    const once: unknown = peek(socket, 'once')
    if (typeof once !== 'function' || sockets.size >= MAX_SOCKETS) return
    const address = String(peek(connectParams, 'hostname') ?? '').replace(/^\[|\]$/g, '')
    const port = String(peek(connectParams, 'port') || (peek(connectParams, 'protocol') === 'https:' ? '443' : '80'))
    const key = socket as object
    sockets.set(key, { address, port })
    once.call(socket, 'close', () => void sockets.delete(key))
  })

  return {
    seeAgent(agent) {
      if (typeof agent !== 'object' || agent === null || seen.has(agent) || agents.size >= MAX_AGENTS) return
      seen.add(agent)
      // Without keep-alive there is no pool, and often an agent for each request.
      if (peek(agent, 'keepAlive') === true) agents.add(new WeakRef(agent))
    },
  }
}

function heldBy(agent: object): readonly (readonly ['active' | 'idle', unknown])[] {
  return [
    ['active', peek(agent, 'sockets')],
    ['idle', peek(agent, 'freeSockets')],
  ]
}

/** An agent keeps lists of sockets by `host:port:local address...`. */
function countPool(pool: unknown, count: (address: string, port: string, by: number) => void): void {
  if (typeof pool !== 'object' || pool === null) return
  for (const [name, list] of Object.entries(pool)) {
    const [, address = '', port = ''] =
      /^(.*?):(\d*):/.exec(name.replace(/^([0-9a-f:]*:[0-9a-f:]*):(\d+):/i, '[$1]:$2:')) ?? []
    if (Array.isArray(list) && list.length > 0) count(address.replace(/^\[|\]$/g, ''), port, list.length)
  }
}

/** Over TLS it is the connection below that is let go of. */
function isIdle(socket: object): boolean {
  const handle: unknown = peek(socket, '_handle')
  const below: unknown = peek(handle, '_parent') ?? handle
  const hasRef: unknown = peek(below, 'hasRef')
  return typeof hasRef === 'function' && hasRef.call(below) === false
}
