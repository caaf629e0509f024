/**
 * The channels between the threads of a process: one that all share, on which threads announce themselves, and one for each, on which it is asked
 * for its figures. They need no port that the application would have to hand over, and keep nobody alive.
 */
import type { BroadcastChannel } from 'node:worker_threads'

const NAME = 'assay.agent.1'

export type Threads = typeof import('node:worker_threads')

/** `asker` is the thread that has asked; `heard` is where it is noted that it was heard. */
export type ThreadQuestion = { readonly asker: number; readonly id: number; readonly heard: SharedArrayBuffer }
export type ThreadAnswer = { readonly asker: number; readonly collected: number }

/** The one that all share. */
export function commonChannel(threads: Threads): BroadcastChannel {
  return open(threads, NAME)
}

/** The one on which the thread of that number is asked, and answers. */
export function channelOf(threads: Threads, thread: number): BroadcastChannel {
  return open(threads, `${NAME}.${thread}`)
}

function open({ BroadcastChannel: Channel }: Threads, name: string): BroadcastChannel {
  const channel = new Channel(name)
  channel.unref()
  return channel
}
