/** Who is told, and what runs the services, as values for a definition. Names come from where the definition lists or uses them. */

import type { ReceiverSpec } from '#alerting'
import type { Text } from '#core'
import type { RuntimeSpec } from '#responder'

export type Receiver = { readonly kind: 'receiver'; readonly spec: ReceiverSpec }
export type RuntimeRef = { readonly kind: 'runtime'; readonly spec: RuntimeSpec }

/** People reached by mail. `smtp`: `smtp://user:password@host:port`, or `smtps://`. */
export function email(options: {
  readonly name: string
  readonly to: string
  readonly from: string
  readonly smtp: Text
}): Receiver {
  return { kind: 'receiver', spec: { kind: 'email', ...options } }
}

/** A program reached by HTTP: one POST of JSON a message. */
export function webhook(options: { readonly name: string; readonly url: Text }): Receiver {
  return { kind: 'receiver', spec: { kind: 'webhook', ...options } }
}

/** PM2 on this machine. `home`: its PM2_HOME; `command`: how it is called, `['pm2']` when absent. */
export function pm2(
  options: { readonly name?: string; readonly home?: Text; readonly command?: readonly string[] } = {},
): RuntimeRef {
  const { name = 'pm2', command = ['pm2'], home } = options
  return { kind: 'runtime', spec: { kind: 'pm2', name, command, ...(home === undefined ? {} : { home }) } }
}

/** Commands of your own, as argument lists without a shell; `{workload}` and `{count}` are filled in. */
export function command(options: {
  readonly name?: string
  readonly count: readonly string[]
  readonly scale: readonly string[]
  readonly restart: readonly string[]
}): RuntimeRef {
  return {
    kind: 'runtime',
    spec: {
      kind: 'command',
      name: options.name ?? 'command',
      count: options.count,
      scale: options.scale,
      restart: options.restart,
    },
  }
}
