/**
 * What the main thread and the thread that serves the pages say to each other. Pages and figures are not among it: they stand in shared memory.
 *
 *     thread: ready, and sleeps          main: yours, and wakes it (it does not listen any more, or has joined a hub: both are taken over)
 *     thread: held                       main ends its own
 *     thread: ask 7                      main notes in shared memory that it has heard 7; then: collected 7
 *     thread: say, fault                 (stderr and counts of faults are the main thread's)
 *     main: shared                       (there is more memory to be read)
 *     main: lastWords                    thread: tells the hub, then wakes the main thread, which waits for that and no longer than LAST_WORDS_MS
 */
import type { ThreadStore } from '../app-threads.ts'
import type { SharedClients } from '../clients/index.ts'
import type { Listen } from '../config.ts'
import type { DelayHistograms } from '../runtime/sampled-delays.ts'
import type { SharedStore } from '../store/index.ts'
import type { SharedUsers } from '../users/index.ts'
import type { PageFormat } from './page-format.ts'

export type FromThread =
  /** `free`: becomes 1, with a notification, in the moment the address is free. `heard`: where the main thread notes what it hears. */
  | { readonly type: 'ready'; readonly free: SharedArrayBuffer; readonly heard: SharedArrayBuffer }
  | { readonly type: 'held'; readonly address: Listen | undefined }
  | { readonly type: 'ask'; readonly id: number }
  | { readonly type: 'fault'; readonly cause: string }
  | { readonly type: 'say'; readonly code: `ASSAY_AGENT_${string}`; readonly message: string }

export type FromMain =
  /**
   * `listen`: where the main thread has listened, when port 0 was asked for; undefined when it has joined a hub.
   * `workers`: how many it was the hub of. `format`: of the page that it has made last, if it has made one.
   */
  | {
      readonly type: 'yours'
      readonly listen: Listen | undefined
      readonly workers: number
      readonly format: PageFormat | undefined
    }
  | { readonly type: 'collected'; readonly id: number }
  | { readonly type: 'lastWords'; readonly done: SharedArrayBuffer }
  | { readonly type: 'shared'; readonly shared: SharedOfProcess }

/** What the thread is given when it starts. */
export type ThreadStart = {
  readonly listen: Listen
  readonly token: string | undefined
  readonly self: Self
  /** Undefined outside of cluster mode, or where workers cannot keep a secret. */
  readonly workersKey: Uint8Array | undefined
  readonly shared: SharedOfProcess
}

/** Who this process is, to other workers. */
export type Self = {
  /** The value of the label `worker`; empty outside of cluster mode. */
  readonly worker: string
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly pid: number
}

/** All memory of this process that a page is made of. */
export type SharedOfProcess = {
  readonly main: SharedStore
  /** Of the application's other threads, living and ended; see `app-threads.ts`. */
  readonly threads: readonly ThreadStore[]
  /** Holds `epochIs` for as long as the list of threads is this one. */
  readonly epoch: Int32Array
  readonly epochIs: number
  /** Of the main thread's loop, where it is sampled. */
  readonly delays: DelayHistograms | undefined
  /** One for each thread that counts users; undefined when nobody is counted. */
  readonly users: readonly SharedUsers[] | undefined
  /** One for each thread that watches clients; undefined when they are not watched. */
  readonly clients?: readonly SharedClients[] | undefined
}
