/**
 * The series of each exchange and queue, looked up once and kept.
 *
 * - Bounded: after MAX_DESTINATIONS names the rest are `_other`. Names that the broker makes up for a while (`amq.gen-...`, reply-to)
 *   are one each: they would never be seen again.
 */
import { add, addToGauge, type Family, observe, type Slot, type Store } from '../store/index.ts'

/** OpenTelemetry's advice for messaging durations, in seconds. */
export const MESSAGING_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const
export const MAX_DESTINATIONS = 500
const SYSTEM = ['messaging_system', 'rabbitmq'] as const

type Families = Readonly<
  Record<
    | 'sent'
    | 'confirming'
    | 'unconfirmed'
    | 'returned'
    | 'consumed'
    | 'redelivered'
    | 'settled'
    | 'inFlight'
    | 'processing',
    Family
  >
>

export class Destinations {
  readonly #families: Families
  readonly #sent = new Map<string, Destination>()
  readonly #consumed = new Map<string, Destination>()

  constructor(store: Store) {
    const counter = (name: string, help: string): Family => store.family({ name, help, kind: 'counter' })
    const gauge = (name: string, help: string): Family => store.family({ name, help, kind: 'gauge' })
    const histogram = (name: string, help: string): Family =>
      store.family({ name, help, kind: 'histogram', bounds: MESSAGING_BOUNDS, native: true })
    this.#families = {
      sent: counter(
        'messaging_client_sent_messages_total',
        'Messages given to the broker; on confirm channels, confirmed by it.',
      ),
      confirming: histogram(
        'messaging_client_operation_duration_seconds',
        'From publishing until the broker has confirmed.',
      ),
      unconfirmed: gauge(
        'messaging_client_unconfirmed_messages',
        'Messages sent on confirm channels that the broker has not yet confirmed.',
      ),
      returned: counter(
        'messaging_client_returned_messages_total',
        'Mandatory messages that the broker could not route.',
      ),
      consumed: counter(
        'messaging_client_consumed_messages_total',
        'Messages the broker has delivered to this process.',
      ),
      redelivered: counter(
        'messaging_client_redelivered_messages_total',
        'Messages delivered that had been delivered before, here or elsewhere.',
      ),
      settled: counter(
        'messaging_client_settled_messages_total',
        'Messages that a consumer has acked, nacked or rejected.',
      ),
      inFlight: gauge(
        'messaging_client_inflight_messages',
        'Messages delivered and not yet acked, nacked or rejected.',
      ),
      processing: histogram('messaging_process_duration_seconds', 'From delivery until the message was settled.'),
    }
  }

  sentTo(exchange: unknown, routingKey: unknown): Destination {
    return this.#of(this.#sent, String(exchange || routingKey || ''))
  }

  consumedFrom(queue: string): Destination {
    return this.#of(this.#consumed, queue)
  }

  #of(known: Map<string, Destination>, name: string): Destination {
    const found = known.get(name)
    if (found !== undefined) return found
    const shown = shownName(name)
    if (shown !== name) return this.#of(known, shown)
    if (known.size >= MAX_DESTINATIONS && name !== '_other') return this.#of(known, '_other')
    const destination = new Destination(this.#families, name)
    known.set(name, destination)
    return destination
  }
}

function shownName(name: string): string {
  if (name === '') return '(anonymous)'
  if (/^amq\.gen-/.test(name)) return 'amq.gen'
  return /^amq\.rabbitmq\.reply-to\./.test(name) ? 'amq.rabbitmq.reply-to' : name
}

/** One exchange or queue. Series are made when there is something to tell. */
export class Destination {
  readonly #families: Families
  readonly #name: string
  readonly #slots = new Map<string, Slot>()

  constructor(families: Families, name: string) {
    this.#families = families
    this.#name = name
  }

  sent(errorType: string): void {
    add(this.#slot('sent', errorType), 1)
  }

  /** The broker has answered after so many seconds, or never will. */
  confirmed(seconds: number, errorType: string): void {
    observe(this.#slot('confirming', errorType), seconds)
  }

  unconfirmed(by: number): void {
    addToGauge(this.#slot('unconfirmed', ''), by)
  }

  returned(reason: string): void {
    add(this.#slot('returned', reason), 1)
  }

  delivered(redelivered: boolean): void {
    add(this.#slot('consumed', ''), 1)
    if (redelivered) add(this.#slot('redelivered', ''), 1)
  }

  inFlight(by: number): void {
    addToGauge(this.#slot('inFlight', ''), by)
  }

  /** `outcome` of a refusal: whether the message goes back to its queue (`requeue`) or away from it (`drop`). */
  settled(operation: string, outcome: string, seconds: number): void {
    add(this.#slot('settled', operation, outcome), 1)
    observe(this.#slot('processing', operation === 'ack' ? '' : operation), seconds)
  }

  #slot(what: keyof Families, detail: string, outcome = ''): Slot {
    // Most have no detail: then the key is a constant, and nothing is joined.
    const key = detail === '' ? what : `${what} ${detail} ${outcome}`
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot = this.#families[what].series([
      SYSTEM,
      ['messaging_destination_name', this.#name],
      ...(what === 'confirming' ? [['messaging_operation_name', 'publish'] as const] : []),
      what === 'settled' ? (['messaging_operation_name', detail] as const) : (['error_type', detail] as const),
      ['outcome', outcome],
    ])
    this.#slots.set(key, slot)
    return slot
  }
}
