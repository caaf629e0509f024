/**
 * Which proxy a request goes through, by the rules of Go's `httpproxy`, which Prometheus uses.
 *
 * - `noProxy` lists hosts (`example.org` with its subdomains, `.example.org` the subdomains alone), addresses, networks
 *   (`10.0.0.0/8`), each with a port or without, or `*`.
 * - With `noProxy` or the environment, this machine itself is never asked for through a proxy; with a bare `proxy_url` it is.
 */
import { BlockList, isIP } from 'node:net'
import { AssayError } from '../error.ts'
import type { ProxyConfig } from './config.ts'
import type { ResolveText } from './secret.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The proxy's address, or `undefined` for a direct way. Throws `ASSAY_HTTP_PROXY` when it is none. */
export function proxyFor(
  url: URL,
  config: ProxyConfig | undefined,
  { resolve, environment }: { readonly resolve: ResolveText; readonly environment: Environment },
): URL | undefined {
  if (config === undefined) return undefined
  const { noProxy, fromEnvironment = false } = config
  const named = (name: string) => environment[name] || environment[name.toLowerCase()] || ''
  const address = fromEnvironment
    ? named(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
    : config.url === undefined
      ? ''
      : resolve(config.url)
  if (address === '') return undefined
  const exceptions = fromEnvironment ? named('NO_PROXY') : noProxy
  if (exceptions !== undefined && (fromEnvironment || exceptions !== '') && isDirect(url, exceptions)) return undefined
  const proxy = tryProxyUrl(address.includes('://') ? address : `http://${address}`)
  if (proxy === undefined) throw new AssayError('ASSAY_HTTP_PROXY', `the proxy is no address; ${PROXY_FORMS}`)
  return proxy
}

export const PROXY_FORMS =
  'write http://host:port, https://host:port or socks5://host:port, and %40 for an @ in its name or password'
const SCHEMES = ['http:', 'https:', 'socks5:', 'socks5h:']

/** The address of a proxy that we can speak to. */
export function tryProxyUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const isEscaped = !/%(?![0-9a-f]{2})/i.test(url.username + url.password)
  return SCHEMES.includes(url.protocol) && url.hostname !== '' && isEscaped ? url : undefined
}

/** True when `exceptions` or being on this machine keeps a request from the proxy. */
export function isDirect(url: URL, exceptions: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  if (host === 'localhost' || loopbackList().check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')) return true
  return exceptions
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .some((one) => one !== '' && excepts(one, host, port))
}

function excepts(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true
  const network = /^(.+)\/(\d+)$/.exec(rule)
  if (network !== null) return isIP(host) !== 0 && inNetwork(host, network[1]!, Number(network[2]))
  const parts = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(rule)
  const name = (parts?.[1] ?? rule).replace(/^\[|\]$/g, '').replace(/^\*\./, '.')
  if (parts !== null && parts[2] !== port) return false
  if (isIP(host) !== 0) return isIP(name) !== 0 && inNetwork(host, name, isIP(name) === 6 ? 128 : 32)
  return name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`)
}

function inNetwork(host: string, address: string, bits: number): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(address) === 0 || bits > (family === 'ipv6' ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(address, bits, family)
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}

let loopback: BlockList | undefined

/** Made when it is first asked for, as it cannot lie in a start-up image. */
function loopbackList(): BlockList {
  if (loopback !== undefined) return loopback
  loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  return loopback
}
