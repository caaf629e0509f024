/**
 * What is open on a channel: messages that the broker has not confirmed, deliveries that the consumer has not settled.
 *
 * Both are windows over tags that only grow, kept in their order: "all up to this one" is the beginning of the window. A tag is looked up
 * in a Map (about 20 ns); the broker bounds the deliveries by the prefetch, the application the messages it does not wait for.
 */
import { monotonicMs } from '../monotonic.ts'
import type { Destination } from './amqplib-destinations.ts'
import { peek } from './require-hook.ts'

type Open = { readonly destination: Destination; readonly startedAt: number }

/** Seconds since then, never negative: a clock may jump. */
function secondsSince(startedAt: number): number {
  return Math.max(0, monotonicMs() - startedAt) / 1_000
}

/** Messages published on a confirm channel. */
export class Unconfirmed {
  readonly #channel: object
  readonly #open = new Map<number, Open>()
  #last = 0
  #closed = false

  constructor(channel: object) {
    this.#channel = channel
  }

  /** After `publish` has returned. False when amqplib does not show by which tag the broker will confirm it. */
  add(destination: Destination): boolean {
    const tag = this.#nextTag()
    if (tag === undefined || this.#closed) return false
    this.#open.set(tag, { destination, startedAt: monotonicMs() })
    destination.unconfirmed(1)
    return true
  }

  settle(tag: number, upTo: boolean, errorType: '' | 'nack'): void {
    if (!upTo) {
      this.#end(tag, errorType)
      return
    }
    for (const one of this.#open.keys()) {
      if (one > tag) return
      this.#end(one, errorType)
    }
  }

  /** Whether they have arrived is not known, and will not be. */
  close(): void {
    this.#closed = true
    for (const tag of this.#open.keys()) this.#end(tag, 'closed')
  }

  #end(tag: number, errorType: string): void {
    const open = this.#open.get(tag)
    if (open === undefined) return
    this.#open.delete(tag)
    const { destination, startedAt } = open
    destination.unconfirmed(-1)
    destination.sent(errorType)
    destination.confirmed(secondsSince(startedAt), errorType)
  }

  /**
   * The broker counts messages from 1. amqplib keeps the least open tag (`lwm`) and a window with a place for each message since, so
   * the last one's tag follows; after that each has the next. A channel that was in use before the agent saw it is right too.
   */
  #nextTag(): number | undefined {
    if (this.#last > 0) return ++this.#last
    const least = peek(this.#channel, 'lwm')
    const window = peek(this.#channel, 'unconfirmed')
    if (typeof least !== 'number' || !Array.isArray(window) || window.length === 0) return undefined
    this.#last = least + window.length - 1
    return this.#last
  }
}

/** Deliveries to the consumers of a channel. */
export class InFlight {
  readonly #open = new Map<number, Open>()

  add(tag: number, destination: Destination): void {
    this.#open.set(tag, { destination, startedAt: monotonicMs() })
    destination.inFlight(1)
  }

  settle(tag: number, upTo: boolean, operation: string, outcome: string): void {
    if (!upTo) {
      this.#end(tag, operation, outcome)
      return
    }
    for (const one of this.#open.keys()) {
      if (one > tag) return
      this.#end(one, operation, outcome)
    }
  }

  settleAll(operation: string, outcome: string): void {
    for (const tag of this.#open.keys()) this.#end(tag, operation, outcome)
  }

  /** The broker has them again, and delivers them under other tags. */
  forget(): void {
    for (const { destination } of this.#open.values()) destination.inFlight(-1)
    this.#open.clear()
  }

  #end(tag: number, operation: string, outcome: string): void {
    const open = this.#open.get(tag)
    if (open === undefined) return
    this.#open.delete(tag)
    open.destination.inFlight(-1)
    open.destination.settled(operation, outcome, secondsSince(open.startedAt))
  }
}
