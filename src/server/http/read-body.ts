/**
 * A body, whole, as it comes: without a copy where it came in one piece, which a request of remote write mostly does. The framework's
 * own reader copies always.
 *
 * - Bounded: more than `maxBytes` are not read, by what the head says and by what comes.
 */
import type { IncomingMessage } from 'node:http'
import { ApiError } from './api-error.ts'

/** More came, or was announced, than is read. What still comes of it is not read: the connection ends with the answer. */
export class BodyTooLargeError extends ApiError {
  constructor(maxBytes: number) {
    super('too_large', `the body has more than ${maxBytes} bytes`)
  }
}

/** Rejects with `BodyTooLargeError`, or with what the connection ends with. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    const refuse = () => {
      request.removeListener('data', onData)
      request.removeListener('close', onClose)
      request.pause()
      reject(new BodyTooLargeError(maxBytes))
    }
    // Without an 'end' when the caller goes.
    const onClose = () => reject(new Error('the request ended before its body did'))
    const onData = (piece: Buffer) => {
      size += piece.length
      if (size > maxBytes) refuse()
      else pieces.push(piece)
    }
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      refuse()
      return
    }
    request.on('data', onData)
    request.once('end', () => {
      request.removeListener('close', onClose)
      resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size))
    })
    request.once('error', reject)
    request.once('close', onClose)
  })
}
