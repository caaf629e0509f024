/**
 * The outbox: messages that are owed, kept in `#state` until they are delivered.
 *
 * - A message is written in the same batch as the change that causes it, so neither is there without the other.
 * - Its place under its receiver is its turn: the store lists in the order of first being put.
 */

import { z } from 'zod'
import type { Json, Write } from '#state'
import type { Notification } from './types.ts'

export const OUTBOX = 'outbox'
/** What a receiver refused for good, kept for people to see. */
export const UNDELIVERED = 'undelivered'

/** Put this into the batch that causes the message, then tell the notifier to `wake`. */
export function outboxWrite(notification: Notification): Write {
  const { id, receiver, subject, body, details } = notification
  return {
    kind: 'put',
    collection: OUTBOX,
    id: outboxId(notification),
    value: { id, receiver, subject, body, details },
  }
}

export function outboxPrefix(receiver: string): string {
  return `${encodeURIComponent(receiver)}/`
}

export function outboxId({ id, receiver }: Notification): string {
  return outboxPrefix(receiver) + id
}

const schema = z.object({
  id: z.string(),
  receiver: z.string(),
  subject: z.string(),
  body: z.string(),
  details: z.record(z.string(), z.string()),
})

/** `undefined` for what is no message: it is put aside instead of blocking those behind it. */
export function tryDecodeNotification(value: Json): Notification | undefined {
  const parsed = schema.safeParse(value)
  return parsed.success ? parsed.data : undefined
}
