/** A listener that speaks TLS as `--web.config.file` says, with the certificates that lie there when somebody comes. */
import type { RequestListener } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { WebTls } from '#model'
import type { WebConfigFile } from './web-config-file.ts'

/** A handshake that takes longer is not meant. */
const HANDSHAKE_MS = 30_000

export function createTlsServer(file: WebConfigFile, limits: ServerOptions, handler: RequestListener): Server {
  const server = createServer(
    { ...limits, ...file.secure, ...wantsOf(file.config.tls), handshakeTimeout: HANDSHAKE_MS },
    handler,
  )
  let revision = file.revision
  // Before the handshake of whoever comes.
  server.prependListener('connection', () => {
    if (file.revision === revision || file.secure === undefined) return
    revision = file.revision
    server.setSecureContext(file.secure)
    Object.assign(server, wantsOf(file.config.tls))
  })
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const { tls } = file.config
    if (tls !== undefined && !isWelcome(socket, tls)) socket.destroy()
  })
  return server
}

function wantsOf(tls: WebTls | undefined): { readonly requestCert: boolean; readonly rejectUnauthorized: boolean } {
  return {
    requestCert: tls !== undefined && tls.clientAuth !== 'NoClientCert',
    rejectUnauthorized: tls?.clientAuth === 'RequireAndVerifyClientCert',
  }
}

/** What the handshake itself does not decide. */
function isWelcome(socket: TLSSocket, { clientAuth, allowedSans }: WebTls): boolean {
  if (clientAuth === 'NoClientCert' || clientAuth === 'RequestClientCert') return true
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return clientAuth === 'VerifyClientCertIfGiven'
  if (clientAuth !== 'RequireAnyClientCert' && !socket.authorized) return false
  return allowedSans.length === 0 || sansOf(certificate.subjectAltName).some((san) => allowedSans.includes(san))
}

/** `DNS:a, IP Address:1.2.3.4, URI:"x, y"`: the names alone. */
export function sansOf(subjectAltName: string | undefined): readonly string[] {
  const names = (subjectAltName ?? '').matchAll(/(?:^|, )(?:DNS|IP Address|URI|email):("(?:[^"\\]|\\.)*"|[^,]*)/g)
  return [...names].map(([, name = '']) => (name.startsWith('"') ? String(JSON.parse(name)) : name))
}
