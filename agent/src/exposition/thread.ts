/**
 * The thread that serves the pages. Its whole world is what it was started with, a line to the main thread, and the metrics address.
 *
 * It reads shared memory, so a main thread that is blocked, or collecting garbage, is told as it is. The line keeps it alive; the process
 * does not wait for it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Listen } from '../config.ts'
import { clockMs, heardAt, makeHeard } from './heard.ts'
import { MainThreadLine } from './main-thread-line.ts'
import { holdAddress } from './metrics-address.ts'
import { Serving } from './serving.ts'
import { watchStarvation } from './starvation.ts'
import type { FromMain, FromThread, ThreadStart } from './thread-messages.ts'

/** The main thread may be blocked just now: then it goes on listening, and says so later. */
const HANDOVER_MS = 1_000

const start = workerData as ThreadStart
const port = parentPort
if (port !== null) {
  const post = (message: FromThread): void => port.postMessage(message)
  const heard = makeHeard()
  const line = new MainThreadLine({
    post: (id) => post({ type: 'ask', id }),
    now: clockMs,
    heardAt: (id) => heardAt(heard, id),
    watchStarvation: () => watchStarvation(process.pid),
  })
  const say = (code: `ASSAY_AGENT_${string}`, message: string): void => post({ type: 'say', code, message })
  const serving = new Serving({
    start,
    refresh: (waitMs) => line.ask(waitMs),
    blockedSeconds: () => line.blockedSeconds,
    fault: (cause) => post({ type: 'fault', cause: String(cause) }),
    isOwnThread: true,
    onServer: () => {},
    onPage: () => {},
  })
  const stop = new AbortController()
  const hold = ({ listen = start.listen, format }: Extract<FromMain, { type: 'yours' }>): void => {
    let wanted = format
    const { workersKey } = start
    const options = {
      address: listen,
      say,
      onSocket: (socket: import('node:net').Socket) => serving.take(socket),
      join:
        workersKey === undefined
          ? undefined
          : (onJoined: () => void, signal: AbortSignal) => serving.join(listen, onJoined, signal),
      onHeld: (address: Listen | undefined) => {
        post({ type: 'held', address })
        if (wanted !== undefined) void serving.makeReady(wanted)
        wanted = undefined
      },
    }
    void holdAddress(options, stop.signal)
  }
  const free = new SharedArrayBuffer(4)
  port.on('message', (message: FromMain) => {
    switch (message.type) {
      case 'yours':
        serving.expectWorkers(message.workers)
        return hold(message)
      case 'collected':
        return line.collected(message.id)
      case 'shared':
        return serving.share(message.shared)
      case 'lastWords': {
        const done = new Int32Array(message.done)
        void serving.lastWords().then(() => {
          Atomics.store(done, 0, 1)
          Atomics.notify(done, 0)
        })
        return
      }
      default:
        message satisfies never
    }
  })
  post({ type: 'ready', free, heard })
  // Asleep it is awake again at once: the loop alone would take its time to read a message, and so long nobody would listen.
  Atomics.wait(new Int32Array(free), 0, 0, HANDOVER_MS)
}
