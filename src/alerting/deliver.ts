/**
 * How one message leaves, by kind of receiver. The only place that talks to the outside.
 *
 * - Each delivery has a deadline and names the message by its id, so that a repeat can be told from a second message.
 * - `permanent`: the receiver understood and refused; trying the same again can't help.
 */
import { createHash } from 'node:crypto'
import { AssayError, type EnvRef, messageOf, redactUrl, resolveText } from '#core'
import type { EmailReceiver, Notification, ReceiverSpec, WebhookReceiver } from './types.ts'

export class DeliveryError extends AssayError<'ASSAY_ALERTING_DELIVERY'> {
  readonly permanent: boolean

  constructor(message: string, permanent: boolean, options?: ErrorOptions) {
    super('ASSAY_ALERTING_DELIVERY', message, options)
    this.permanent = permanent
  }
}

/** Rejects with a `DeliveryError`, or with the signal's reason when aborted. */
export type Deliver = (notification: Notification, signal: AbortSignal) => Promise<void>
/** A secret's value, at the moment of use. */
export type Resolve = (text: string | EnvRef) => string

export const fromEnvironment: Resolve = (text) => resolveText(text, process.env)

export function deliverTo(spec: ReceiverSpec, resolve: Resolve): Deliver {
  switch (spec.kind) {
    case 'email':
      return (notification, signal) => sendMail(spec, notification, resolve, signal)
    case 'webhook':
      return (notification, signal) => postWebhook(spec, notification, resolve, signal)
    default:
      return spec satisfies never
  }
}

/** Mail readers show one message for one id, however often it comes. */
export function messageIdOf({ id }: Notification, { from }: EmailReceiver): string {
  const host = /@([\w.-]+)>?\s*$/.exec(from)?.[1] ?? 'assay.invalid'
  return `<${id}@${host}>`
}

async function sendMail(
  spec: EmailReceiver,
  notification: Notification,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<void> {
  const { createTransport } = await import('nodemailer')
  const url = resolve(spec.smtp)
  const transport = createTransport(url, {
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
  } as object)
  const close = () => transport.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    signal.throwIfAborted()
    const incident = notification.details['incident']
    const sent = transport.sendMail({
      from: spec.from,
      to: spec.to,
      subject: oneLine(notification.subject),
      text: notification.body,
      messageId: messageIdOf(notification, spec),
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Assay-Notification': notification.id },
      // All messages of an incident form one conversation.
      ...(incident === undefined ? {} : { references: `<${threadOf(incident)}@assay.invalid>` }),
      // A message is text: nothing in it may make us read a file or fetch an address.
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    await Promise.race([sent, aborted(signal)])
  } catch (cause) {
    signal.throwIfAborted()
    const code = responseCodeOf(cause)
    // 5xx is a refusal of this message or this recipient; refused credentials (535) are ours to correct, so they wait.
    const permanent = code !== undefined && code >= 550 && code < 560
    throw new DeliveryError(`mail to ${spec.name} by ${redactUrl(url)}: ${messageOf(cause)}`, permanent, { cause })
  } finally {
    signal.removeEventListener('abort', close)
    transport.close()
  }
}

async function postWebhook(
  spec: WebhookReceiver,
  notification: Notification,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<void> {
  const url = resolve(spec.url)
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': notification.id },
      body: JSON.stringify(notification),
      redirect: 'error',
      signal,
    })
    await response.body?.cancel()
  } catch (cause) {
    signal.throwIfAborted()
    const reason = cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause)
    throw new DeliveryError(`${spec.name} at ${hostOf(url)}: ${reason}`, false, { cause })
  }
  if (response.ok) return
  const { status } = response
  const permanent = status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429
  throw new DeliveryError(`${spec.name} at ${hostOf(url)} answers ${status}`, permanent)
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

function responseCodeOf(cause: unknown): number | undefined {
  if (typeof cause !== 'object' || cause === null || !('responseCode' in cause)) return undefined
  return typeof cause.responseCode === 'number' ? cause.responseCode : undefined
}

/** A webhook's path and query often are its secret. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an address that is no URL'
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ').slice(0, 240)
}

function threadOf(incident: string): string {
  return createHash('sha256').update(incident).digest('hex').slice(0, 24)
}
