/**
 * The lines to the application's own threads: each brings its figures up to date at a scrape (gauges of its pools, outboxes, metrics with a
 * `collect`), as the main thread does.
 *
 * - Whoever serves the pages asks them itself, so that a main thread that stands still does not keep them from answering. Each has a channel
 *   of its own: a question wakes the one that is asked, and nobody else.
 * - All are asked at once, while the main thread is. A thread is there to compute, so it is often busy: then what needs its loop is missing
 *   from the page, which waits for it no longer than for a main thread that is blocked, and not again until it has answered.
 * - Channels are opened by the first question, and closed with the thread. They keep nobody alive.
 */
import type { BroadcastChannel } from 'node:worker_threads'
import { workerThreads } from '../surroundings.ts'
import { channelOf, type ThreadAnswer, type ThreadQuestion } from '../thread-channels.ts'
import { clockMs, heardAt, makeHeard } from './heard.ts'
import { MainThreadLine } from './main-thread-line.ts'
import { type TaskId, watchStarvation } from './starvation.ts'

type Line = { readonly channel: BroadcastChannel; readonly line: MainThreadLine }

/** Who is asked. */
export type AskedThread = { readonly id: number; readonly task: TaskId | undefined }

export class AppThreadsLines implements Disposable {
  readonly #lines = new Map<number, Line>()

  /** Which of these threads have brought their figures up to date. Never rejects. */
  async ask(threads: readonly AskedThread[], waitMs: number): Promise<ReadonlySet<number>> {
    for (const known of this.#lines.keys()) if (!threads.some(({ id }) => id === known)) this.#close(known)
    const answered = await Promise.all(
      threads.map(async (one) => ((await this.#lineTo(one).line.ask(waitMs)) === 'blocked' ? undefined : one.id)),
    )
    return new Set(answered.filter((id) => id !== undefined))
  }

  /** Closes the channels; a question opens them again. */
  [Symbol.dispose](): void {
    for (const id of this.#lines.keys()) this.#close(id)
  }

  #lineTo({ id: thread, task }: AskedThread): Line {
    const known = this.#lines.get(thread)
    if (known !== undefined) return known
    const threads = workerThreads()
    const channel = channelOf(threads, thread)
    const heard = makeHeard()
    const asker = threads.threadId
    const line = new MainThreadLine({
      post: (id) => channel.postMessage({ asker, id, heard } satisfies ThreadQuestion),
      now: clockMs,
      heardAt: (id) => heardAt(heard, id),
      watchStarvation: () => watchStarvation(task),
    })
    channel.onmessage = (({ data }: { readonly data: ThreadAnswer | ThreadQuestion }) => {
      if ('collected' in data && data.asker === asker) line.collected(data.collected)
    }) as typeof channel.onmessage
    const made = { channel, line }
    this.#lines.set(thread, made)
    return made
  }

  #close(thread: number): void {
    this.#lines.get(thread)?.channel.close()
    this.#lines.delete(thread)
  }
}
