/** Where a setting is to be looked up by the person who reads an error: the environment variable, or the definition. */
import { AssayError, type Text } from '#core'

/** `SHOP_DB_URL`, or `the url of shopDb`. Never the value. */
export function whereIs(text: Text | undefined, field: string, part: string): string {
  return typeof text === 'object' ? text.env : `the ${field} of ${part}`
}

/** A URL with one of the schemes. Throws `ASSAY_COLLECTOR_URL`, which names the place and never the value: it holds a secret. */
export function urlOf(value: string, schemes: readonly string[], where: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !schemes.includes(url.protocol.slice(0, -1))) {
    throw new AssayError(
      'ASSAY_COLLECTOR_URL',
      `${where} is no address this part can have; write ${schemes[0]}://user:password@host:port`,
    )
  }
  return url
}

/** The code of a network or driver error, also of the first one of several attempts. */
export function codeOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return ''
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0])
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code
  return 'cause' in thrown ? codeOf(thrown.cause) : ''
}

/** The sentence for errors that every network client knows, or `undefined`. `place` is `host:port`. */
export function networkSentence(thrown: unknown, place: string): string | undefined {
  switch (codeOf(thrown)) {
    case 'ECONNREFUSED':
      return `connection refused at ${place}; is it running, and is this its port?`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name of ${place} cannot be resolved.`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `${place} cannot be reached; is the network between open?`
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return `${place} closed the connection.`
    default:
      return undefined
  }
}
