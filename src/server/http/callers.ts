/** The signals of the requests that are being answered: each aborts when its caller goes, all when the server stops. */
import type { ServerResponse } from 'node:http'
import { CallerGoneError } from './api-error.ts'

/** One for all: to note where it was made costs more than the rest of a small request's signal, and says nothing. */
const GONE = new CallerGoneError('the caller has gone')

export class Callers implements Disposable {
  readonly #open = new Set<AbortController>()
  #stopped = false

  signalOf(response: ServerResponse): AbortSignal {
    const controller = new AbortController()
    if (this.#stopped) controller.abort(new CallerGoneError('the server stops'))
    this.#open.add(controller)
    // 'close' comes after a complete answer too; aborting then reaches nobody.
    response.once('close', () => {
      this.#open.delete(controller)
      controller.abort(GONE)
    })
    return controller.signal
  }

  [Symbol.dispose](): void {
    this.#stopped = true
    for (const controller of this.#open) controller.abort(new CallerGoneError('the server stops'))
    this.#open.clear()
  }
}
