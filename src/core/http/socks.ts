/**
 * The way through a SOCKS5 proxy (RFC 1928), with a name and a password where it asks for them (RFC 1929).
 *
 * - Host names are resolved at the proxy, whether it is written `socks5://` or `socks5h://`: as in Go.
 * - The package `socks` speaks; the connection stays ours, so that whoever gives up ends it, and so that what a proxy does wrong is
 *   told in our words. Its errors are never passed on: they hold the password.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { messageOf } from '../error.ts'
import { type Destination, hostOf, placeOf, proxyCredentials, proxyError, type Tunnel } from './tunnel.ts'

const DEFAULT_PORT = 1080
/** A name, a password and a host are each sent behind one byte that counts theirs. */
const MAX_BYTES = 255

export function isSocks(proxy: URL): boolean {
  return proxy.protocol === 'socks5:' || proxy.protocol === 'socks5h:'
}

export function socksTunnel(proxy: URL): Tunnel {
  return async (to, signal) => {
    const { name, password } = credentialsWithin(proxy)
    if (Buffer.byteLength(to.host) > MAX_BYTES)
      throw proxyError(proxy, `takes no host of more than ${MAX_BYTES} bytes`, {
        todo: 'name the target by a shorter one',
      })
    // Loaded with the first connection: most never go through SOCKS.
    const { SocksClient } = await import('socks')
    signal.throwIfAborted()
    const socket = connect({ host: hostOf(proxy), port: Number(proxy.port || DEFAULT_PORT), noDelay: true })
    let broken: unknown
    const keep = (cause: unknown) => {
      broken ??= cause
    }
    // Stays on a socket that failed: what the package writes to it afterwards must not end the process.
    socket.on('error', keep)
    const giveUp = () => socket.destroy()
    signal.addEventListener('abort', giveUp, { once: true })
    let isOpen = false
    try {
      await once(socket, 'connect', { signal })
      isOpen = true
      await SocksClient.createConnection({
        command: 'connect',
        destination: { ...to },
        proxy: { host: hostOf(proxy), port: socket.remotePort ?? DEFAULT_PORT, type: 5, userId: name, password },
        existing_socket: socket,
      })
      socket.off('error', keep)
      return socket
    } catch (thrown) {
      socket.destroy()
      if (signal.aborted) throw signal.reason
      if (!isOpen) throw unreachable(proxy, to, thrown)
      throw broken === undefined ? refused(proxy, to, messageOf(thrown)) : brokenOff(proxy, to, codeOf(broken))
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }
}

function credentialsWithin(proxy: URL): { readonly name: string; readonly password: string } {
  const { name, password } = proxyCredentials(proxy)
  if (Buffer.byteLength(name) > MAX_BYTES || Buffer.byteLength(password) > MAX_BYTES)
    throw proxyError(proxy, `takes no name and no password of more than ${MAX_BYTES} bytes`)
  return { name, password }
}

/** What a proxy says when it has not connected, by the package's word for it. */
const REPLIES: Readonly<Record<string, string>> = {
  Failure: 'it says no more than that it failed',
  NotAllowed: 'its rules forbid it',
  NetworkUnreachable: 'the network is unreachable',
  HostUnreachable: 'the host is unreachable, or its name is not known there',
  ConnectionRefused: 'the connection was refused there',
  TTLExpired: 'it is too far away',
  CommandNotSupported: 'it makes no connections',
  AddressNotSupported: 'it does not take this kind of address',
}

function refused(proxy: URL, to: Destination, said: string) {
  const place = placeOf(to)
  const reply = /rejected connection - (\w+)/.exec(said)?.[1]
  if (reply !== undefined && reply !== 'Granted')
    return proxyError(
      proxy,
      `has not connected to ${place}: ${REPLIES[reply] ?? 'it gives a reason that SOCKS5 has no word for'}`,
      {
        todo: 'see that the target can be reached from the proxy',
      },
    )
  if (/Authentication failed/.test(said))
    return proxyError(proxy, `refuses the name and the password, on the way to ${place}`, {
      todo: 'check those in proxy_url',
    })
  if (/no accepted authentication/.test(said))
    return proxyError(
      proxy,
      proxy.username === ''
        ? `asks who we are, on the way to ${place}`
        : `takes neither a name with a password nor nobody, on the way to ${place}`,
      { todo: 'write proxy_url as socks5://name:password@host:port' },
    )
  if (/Socket closed/.test(said)) return brokenOff(proxy, to)
  return proxyError(proxy, `answers, but not in SOCKS5, on the way to ${place}`, {
    todo: 'check proxy_url; a proxy that speaks HTTP is written http://host:port',
  })
}

function unreachable(proxy: URL, to: Destination, cause: unknown) {
  return proxyError(proxy, `cannot be reached (${codeOf(cause)}), on the way to ${placeOf(to)}`, {
    todo: 'check proxy_url, and whether the proxy is running',
    cause,
  })
}

function brokenOff(proxy: URL, to: Destination, code?: string) {
  return proxyError(
    proxy,
    `breaks off${code === undefined ? '' : ` (${code})`} before it has connected to ${placeOf(to)}`,
    { todo: 'check proxy_url, its credentials and what the proxy logs' },
  )
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0])
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : messageOf(thrown)
}
