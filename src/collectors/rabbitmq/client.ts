/**
 * The two HTTP doors of a broker: its management API (JSON) and its own Prometheus endpoint (text).
 * Answers are bounded; credentials go into a header and never into a message.
 */
import { AssayError, messageOf } from '#core'
import { codeOf, networkSentence } from '../where.ts'

export type Door = {
  /** `http://127.0.0.1:15672`, without credentials. */
  readonly base: string
  /** `127.0.0.1:15672` */
  readonly host: string
  readonly user: string
  readonly authorization: string | undefined
}

const MAX_ANSWER_BYTES = 32 * 2 ** 20

export class HttpStatusError extends Error {
  readonly status: number
  constructor(status: number) {
    super(`status ${status}`)
    this.status = status
  }
}

/** A door from a URL that may hold credentials. */
export function doorOf(url: URL, fallback?: Door): Door {
  const user = decodeURIComponent(url.username)
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  const authorization =
    user === ''
      ? fallback?.authorization
      : `Basic ${Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString('base64')}`
  return { base, host: url.host, user: user || (fallback?.user ?? ''), authorization }
}

export async function getText(door: Door, path: string, signal: AbortSignal): Promise<string> {
  const answer = await fetch(`${door.base}${path}`, {
    signal,
    redirect: 'manual',
    headers: door.authorization === undefined ? {} : { authorization: door.authorization },
  })
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel()
    throw new HttpStatusError(answer.status)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** An object of the management API. */
export async function getJson(door: Door, path: string, signal: AbortSignal): Promise<unknown> {
  const text = await getText(door, path, signal)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AssayError(
      'ASSAY_COLLECTOR_RABBITMQ',
      `${door.host} answers, but not as RabbitMQ's management API; is another service at this port?`,
      {
        cause,
      },
    )
  }
}

/** Why the management API could not be asked, as a sentence for people. `where`: `RABBITMQ_URL`. */
export function managementSentence(thrown: unknown, door: Door, where: string): string {
  if (thrown instanceof AssayError) return thrown.message
  if (thrown instanceof HttpStatusError) {
    const { status } = thrown
    if (status === 401)
      return `password refused for user ${door.user} at ${door.host}; check ${where}, and that the user has the tag monitoring`
    if (status === 403)
      return `user ${door.user} may not see the whole broker at ${door.host}; give it the tag: rabbitmqctl set_user_tags ${door.user} monitoring`
    if (status === 404)
      return `${door.host} has no management API; check ${where}, or: rabbitmq-plugins enable rabbitmq_management`
    return `the management API at ${door.host} answers ${status}; the broker may be starting, or be in trouble`
  }
  if (codeOf(thrown) === 'ECONNREFUSED') {
    return `connection refused at ${door.host}; is the broker running, and its plugin on? rabbitmq-plugins enable rabbitmq_management`
  }
  const network = networkSentence(thrown, door.host)
  if (network !== undefined) return network
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown
  if (codeOf(thrown).startsWith('HPE_') || /does not match the HTTP/.test(messageOf(cause)))
    return `${door.host} answers, but not in HTTP; the management port is wanted here, 15672 unless set, not the one for messages`
  return `the management API at ${door.host} cannot be asked: ${messageOf(cause)}`
}
