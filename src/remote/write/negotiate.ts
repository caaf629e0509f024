/**
 * Which message a request carries, by its headers alone.
 *
 * - Without a content type, or without `proto=` in it, it is 1.0, as it was before there was a choice.
 * - Without a content encoding it is a snappy block: it always is one.
 *
 * Source: Prometheus remote write specification 2.0, content negotiation.
 */
export const WRITE_MESSAGES = {
  v1: 'prometheus.WriteRequest',
  v2: 'io.prometheus.write.v2.Request',
} as const
export type WriteVersion = keyof typeof WRITE_MESSAGES

const MEDIA_TYPE = 'application/x-protobuf'

/** The content type we send a version with. 1.0 without parameter: its oldest receivers know none. */
export function contentTypeOf(version: WriteVersion): string {
  return version === 'v1' ? MEDIA_TYPE : `${MEDIA_TYPE};proto=${WRITE_MESSAGES.v2}`
}

/** The version, or a sentence that says what to send instead: then the answer is 415. */
export function negotiate(contentType: string, contentEncoding: string): { version: WriteVersion } | string {
  const [media = '', ...parameters] = contentType.split(';').map((part) => part.trim())
  if (media !== '' && media.toLowerCase() !== MEDIA_TYPE)
    return `content type ${shown(media)} is not taken; send ${MEDIA_TYPE}`
  let version: WriteVersion = 'v1'
  for (const parameter of parameters) {
    const [name = '', value, ...more] = parameter.split('=').map((part) => part.trim())
    if (value === undefined || more.length > 0)
      return `content type parameter ${shown(parameter)} is none; write it as name=value`
    if (name.toLowerCase() !== 'proto') continue
    const message = unquoted(value)
    if (message !== WRITE_MESSAGES.v1 && message !== WRITE_MESSAGES.v2)
      return `the message ${shown(value)} is not taken; send proto=${WRITE_MESSAGES.v1} or proto=${WRITE_MESSAGES.v2}`
    version = message === WRITE_MESSAGES.v2 ? 'v2' : 'v1'
  }
  const encoding = contentEncoding.trim().toLowerCase()
  if (encoding !== '' && encoding !== 'snappy')
    return `content encoding ${shown(contentEncoding)} is not taken; send snappy`
  return { version }
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
