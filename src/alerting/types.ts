/** Who is told, and how a message leaves. */
import type { Text } from '#core'

export type EmailReceiver = {
  readonly kind: 'email'
  readonly name: string
  readonly to: string
  readonly from: string
  /** `smtp://user:password@host:port` or `smtps://`. */
  readonly smtp: Text
}
export type WebhookReceiver = { readonly kind: 'webhook'; readonly name: string; readonly url: Text }
export type ReceiverSpec = EmailReceiver | WebhookReceiver

/** One message to one receiver. `id` is stable: the same message sent again carries the same id. */
export type Notification = {
  readonly id: string
  readonly receiver: string
  readonly subject: string
  /** Plain text. */
  readonly body: string
  /** For receivers that take structure. */
  readonly details: Readonly<Record<string, string>>
}
