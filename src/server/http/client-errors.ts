/**
 * What came over a connection and is no request: answered in the shape of every other refusal, with what to write instead, and
 * the connection is closed, since nobody knows where the next request would begin.
 */
import type { Socket } from 'node:net'
import { errorEnvelope } from '../prometheus/render.ts'

/** What Node says: its code, and the bytes it could not read. */
type ConnectionFault = Error & { readonly code?: string; readonly rawPacket?: unknown }
type Refusal = { readonly status: string; readonly type: string; readonly error: string }

/** The first byte of a handshake of TLS. */
const TLS_HANDSHAKE = 0x16

export class ClientErrors {
  readonly #maxHeaderBytes: number
  #count = 0

  constructor(maxHeaderBytes: number) {
    this.#maxHeaderBytes = maxHeaderBytes
  }

  /** Connections that were ended so. */
  get count(): number {
    return this.#count
  }

  /** For `clientError` of a server. */
  readonly answer = (error: ConnectionFault, socket: Socket): void => {
    this.#count++
    // What has been answered in part stays as it is: bytes of ours would be read as its end.
    const answering = '_httpMessage' in socket && Object(socket._httpMessage).headersSent === true
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || answering) {
      socket.destroy(error)
      return
    }
    const { status, type, error: said } = this.#refusalOf(error)
    const body = errorEnvelope(type, said)
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    )
  }

  #refusalOf(error: ConnectionFault): Refusal {
    const bad = (said: string): Refusal => ({ status: '400 Bad Request', type: 'bad_data', error: said })
    if (Buffer.isBuffer(error.rawPacket) && error.rawPacket[0] === TLS_HANDSHAKE)
      return bad('this port speaks plain HTTP; write http://, not https://')
    switch (error.code) {
      case 'HPE_HEADER_OVERFLOW':
        return {
          status: '431 Request Header Fields Too Large',
          type: 'too_large',
          error: `address and headers are more than ${this.#maxHeaderBytes / 1024} KiB; send the parameters in the body of a POST`,
        }
      case 'ERR_HTTP_REQUEST_TIMEOUT':
        return { status: '408 Request Timeout', type: 'timeout', error: 'the request did not arrive in time' }
      case 'HPE_INVALID_URL':
        return bad('the address holds a character that must be written as %XX')
      case 'HPE_PAUSED_H2_UPGRADE':
        return bad('HTTP/2 is not spoken here; ask by HTTP/1.1')
      default:
        return bad(`no request of HTTP/1.1: ${error.message.replace(/^Parse Error: /, '')}`)
    }
  }
}
