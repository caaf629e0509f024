/**
 * For how long there was no answer because of the machine: then it is the machine that is busy, or the quota of its container that is used up,
 * and the loop that was asked is not blocked.
 *
 * - Linux counts for each thread how long it ran and how long it was ready to run without getting a processor (schedstat of proc(5), in
 *   nanoseconds). The second is counted when the thread gets one: of the thread that was asked, when it is ready just now, all the time
 *   that it did not run is.
 * - The thread that was asked may have to wait for a processor; in a collection of garbage it sleeps until V8's threads are done, and these
 *   may; and this thread, that asks and judges, may. One after the other, so that the three are added up; of V8's threads, which work side by
 *   side, it is the longest.
 * - V8's threads are known by their name, which they have from Node 22.14 on. Other threads of the application do not count: a loop that waits
 *   for one of them is blocked.
 * - Six files of 15 µs each when a question is asked, seven when it has not been heard in time.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

/** A thread as the system numbers it; the main thread's number is the process'. */
export type TaskId = number

/** The thread that reads it. */
const OWN = '/proc/thread-self'
const V8_THREAD = /V8Worker/

/** They are there from the start of the process to its end. */
let v8Threads: readonly string[] | undefined

/** The thread that calls it; undefined where the system does not tell. */
export function ownTask(): TaskId | undefined {
  try {
    return Number(/\d+$/.exec(readlinkSync(OWN))?.[0])
  } catch {
    return undefined
  }
}

/** Begins to count for who asks that thread; what is given tells the milliseconds since then. Undefined where the system does not tell. */
export function watchStarvation(task: TaskId | undefined): (() => number) | undefined {
  const asked = `/proc/self/task/${task}`
  const before = timesOf(asked)
  const own = timesOf(OWN)
  if (before === undefined || own === undefined) return undefined
  v8Threads ??= findV8Threads()
  const helpers = v8Threads.map(timesOf)
  const from = performance.now()
  return () => {
    const elapsedMs = performance.now() - from
    // Only waits that are over: one that is ready just now may have slept until now, and work beside a loop that is blocked.
    let longest = 0
    for (const [i, helper] of v8Threads!.entries()) longest = Math.max(longest, waitedSince(helper, helpers[i]))
    return starvedSince(asked, before, elapsedMs) + waitedSince(OWN, own) + longest
  }
}

function waitedSince(thread: string, before: ThreadTimes | undefined): number {
  const now = timesOf(thread)
  return now === undefined || before === undefined ? 0 : now.waitedMs - before.waitedMs
}

/** Of the thread that was asked: the question has woken it, so that it sleeps no more. */
function starvedSince(thread: string, before: ThreadTimes | undefined, elapsedMs: number): number {
  const isReady = parseIsReady(textOf(`${thread}/stat`))
  const now = timesOf(thread)
  if (now === undefined || before === undefined) return 0
  const counted = now.waitedMs - before.waitedMs
  return isReady ? Math.max(counted, elapsedMs - (now.ranMs - before.ranMs)) : counted
}

function timesOf(thread: string): ThreadTimes | undefined {
  return parseSchedstat(textOf(`${thread}/schedstat`))
}

function findV8Threads(): readonly string[] {
  try {
    return readdirSync('/proc/self/task')
      .map((id) => `/proc/self/task/${id}`)
      .filter((thread) => V8_THREAD.test(textOf(`${thread}/comm`)))
  } catch {
    return []
  }
}

/** Empty where there is no such file, or its thread has ended. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** In the life of a thread. */
export type ThreadTimes = { readonly ranMs: number; readonly waitedMs: number }

export function parseSchedstat(text: string): ThreadTimes | undefined {
  const [ran = 0, waited = Number.NaN] = text.trim().split(' ').map(Number)
  // A system that has the file but does not count tells zeros.
  return ran > 0 && waited >= 0 ? { ranMs: ran / 1e6, waitedMs: waited / 1e6 } : undefined
}

/** Whether a thread runs or could, by its stat: the letter behind its name, which may have spaces and parentheses itself. */
export function parseIsReady(text: string): boolean {
  return text.startsWith(') R ', text.lastIndexOf(') '))
}
