/**
 * The label `error_type` of everything that a service calls: a code of the system or the library when there is one, else the
 * error's class. Both have few values; a message never becomes one. What the caller itself gave up is `aborted`.
 *
 * A foreign error may have throwing getters: they are read under the guard of whoever asks.
 */

const ABORTED = 'aborted'
/** What is told of an error that has neither code nor class. */
export const OTHER_ERROR = '_OTHER'

export function errorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return OTHER_ERROR
  const code: unknown = Reflect.get(error, 'code')
  if (code === 'ABORT_ERR') return ABORTED
  if (typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code)) return code
  const name: unknown = Reflect.get(error, 'name')
  if (name === 'AbortError') return ABORTED
  // Many libraries give their errors a class and forget the name.
  const shown = name === 'Error' ? classOf(error) : name
  return typeof shown === 'string' && /^\w{1,40}$/.test(shown) ? shown : OTHER_ERROR
}

function classOf(error: object): unknown {
  const made: unknown = Reflect.get(error, 'constructor')
  return typeof made === 'function' ? made.name : undefined
}
