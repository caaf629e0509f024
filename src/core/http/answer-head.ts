/**
 * The head of an HTTP/1 answer, read strictly: what is not plainly right is not understood, and then the library decides.
 *
 * - Nothing is guessed. Folded lines, bare line feeds, control characters, lengths that are none or two of a kind: `undefined`.
 * - Redirects, answers without a body by their status, and changes of protocol are for the library too.
 */

/** Bytes of a head; Node's own limit. */
export const MAX_HEAD_BYTES = 16_384

export type AnswerHead = {
  readonly status: number
  readonly statusText: string
  /** '' where there is none, as the other two. */
  readonly contentType: string
  /** In small letters. */
  readonly contentEncoding: string
  /** How the body ends: after so many bytes, or by itself, or with the connection. */
  readonly length: number | 'chunked' | 'close'
  /** The connection may be used again. */
  readonly keeps: boolean
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/
const LENGTH = /^\d{1,15}$/
/** The first letters of the headers that are looked at: c, l, t, u. */
const OF_INTEREST = /^[cCtTuU]/

/** `text`: the head as latin1, without the empty line that ends it. `undefined`: not understood. */
export function tryParseHead(text: string): AnswerHead | undefined {
  const lines = text.split('\r\n')
  const first = STATUS_LINE.exec(lines[0]!)
  if (first === null) return undefined
  let contentType: string | undefined
  let contentEncoding: string | undefined
  let length: string | undefined
  let transfer: string | undefined
  let connection: string | undefined
  for (let i = 1; i < lines.length; i++) {
    const line = HEADER_LINE.exec(lines[i]!)
    if (line === null) return undefined
    const name = line[1]!
    if (!OF_INTEREST.test(name)) continue
    const value = line[2]!.trimEnd()
    switch (name.toLowerCase()) {
      case 'content-type':
        if (contentType !== undefined) return undefined
        contentType = value
        break
      case 'content-encoding':
        if (contentEncoding !== undefined) return undefined
        contentEncoding = value.toLowerCase()
        break
      case 'content-length':
        if (length !== undefined || !LENGTH.test(value)) return undefined
        length = value
        break
      case 'transfer-encoding':
        if (transfer !== undefined || value.toLowerCase() !== 'chunked') return undefined
        transfer = value
        break
      case 'connection':
        if (connection !== undefined) return undefined
        connection = value.toLowerCase()
        break
      case 'upgrade':
        return undefined
    }
  }
  const status = Number(first[2])
  if ((status >= 300 && status < 400) || status === 101 || status === 204 || status === 205) return undefined
  const isOld = first[1] === '0'
  if (transfer !== undefined && (length !== undefined || isOld)) return undefined
  const says = (connection ?? '').split(',').map((token) => token.trim())
  const framed = transfer !== undefined ? 'chunked' : length === undefined ? 'close' : Number(length)
  return {
    status,
    statusText: first[3] ?? '',
    contentType: contentType ?? '',
    contentEncoding: contentEncoding ?? '',
    length: framed,
    keeps: framed !== 'close' && !says.includes('close') && (!isOld || says.includes('keep-alive')),
  }
}
