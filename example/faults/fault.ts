/** What a fault is: something real that goes wrong, can be seen from outside, and can be healed. */
import type pg from 'pg'

/** A part that a fault may really stop, and start again. */
export interface Stoppable {
  stop(): Promise<void>
  start(): Promise<void>
}

/** What faults may touch. Services and load see the board themselves; these are the rest. */
export type Grip = {
  readonly crmDatabase: Stoppable
  readonly broker: Stoppable
  /** A session of the administrator of the server that holds shop and mes. */
  readonly admin: (database: 'shop' | 'mes') => Promise<pg.Client>
  readonly storage: { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly bucket: string
}

export type Fault = {
  readonly name: string
  /** What goes wrong, in a sentence. */
  readonly what: string
  /** What is seen of it from outside. */
  readonly seen: string
  /**
   * What has to be done beyond telling the services and the load. `signal` aborts when it is healed or everything stops.
   * Returns what heals it, if that takes more than the signal.
   */
  readonly begin?: (grip: Grip, signal: AbortSignal) => Promise<(() => Promise<void>) | undefined>
}
