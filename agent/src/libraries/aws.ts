/**
 * Calls of the AWS SDK for JavaScript 3, of S3 and every other service: `rpc_client_call_duration_seconds`, OpenTelemetry's name for them.
 *
 * - `Client.prototype.send` is wrapped: there a call has the name of its operation and its error the service's own code
 *   (`NoSuchKey`), which HTTP does not tell; and all its attempts are one call.
 * - Each attempt is a request as well, in `http_client_request_duration_seconds`: calls here, attempts there; more attempts than calls are
 *   retries.
 * - Ends when the head of the answer is there: a body that is read as a stream is the application's time.
 * - Buckets are bounded: after MAX_BUCKETS the rest are `_other`.
 */
import type { Guard } from '../guard.ts'
import { monotonicMs } from '../monotonic.ts'
import { type Family, observe, type Slot, type Store } from '../store/index.ts'
import { answered, type Method } from './answered.ts'
import { errorType } from './error-type.ts'
import { type Patch, patchMethod, peek } from './require-hook.ts'

const PART = 'aws'
/** OpenTelemetry's advice for calls, in seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const
export const MAX_BUCKETS = 50
const MAX_NAMES = 300

export function awsPatch(store: Store, guard: Guard): Patch {
  const calls = new Calls(
    store.family({
      name: 'rpc_client_call_duration_seconds',
      help: 'Duration of calls to services, with all their attempts.',
      kind: 'histogram',
      bounds: BOUNDS,
      native: true,
    }),
  )
  const settle = guard.wrap(PART, (client: object, command: unknown, startedAt: number, error: unknown) => {
    const slot = calls.slotOf(client, command, error === undefined || error === null ? '' : errorType(error))
    observe(slot, Math.max(0, monotonicMs() - startedAt) / 1_000)
  })
  const send = (original: Method): Method =>
    function send(...given) {
      const startedAt = monotonicMs()
      return answered(this, original, given, (error) => settle(this, given[0], startedAt, error))
    }
  return ({ id, exports }) => {
    // Up to 2025 the class was in a package of its own.
    if (id !== '@smithy/core/client' && id !== '@smithy/smithy-client') return
    const client = peek(exports, 'Client')
    if (client === undefined) return
    if (!patchMethod(peek(client, 'prototype') as object | undefined, 'send', send))
      guard.stepAside(PART, 'Client.prototype.send cannot be wrapped')
  }
}

/** The series of calls, kept by operation and bucket: no text is joined for a call that went well. */
class Calls {
  readonly #family: Family
  /** By the command's class, within that of the client. */
  readonly #methods = new WeakMap<
    object,
    WeakMap<object, { readonly name: string; readonly byBucket: Map<string, Slot> }>
  >()
  readonly #buckets = new Set<string>()
  readonly #names = new Set<string>()

  constructor(family: Family) {
    this.#family = family
  }

  slotOf(client: object, command: unknown, error: string): Slot {
    const { name, byBucket } = this.#methodOf(client, command)
    const bucket = this.#bucketOf(peek(peek(command, 'input'), 'Bucket'))
    const known = error === '' ? byBucket.get(bucket) : undefined
    if (known !== undefined) return known
    const slot = this.#family.series([
      ['rpc_system_name', 'aws-api'],
      ['rpc_method', name],
      ['aws_s3_bucket', bucket],
      ['error_type', error],
    ])
    if (error === '') byBucket.set(bucket, slot)
    return slot
  }

  #methodOf(client: object, command: unknown): { readonly name: string; readonly byBucket: Map<string, Slot> } {
    const clientClass = classOf(client)
    const commandClass = classOf(command)
    let methods = this.#methods.get(clientClass)
    if (methods === undefined) {
      methods = new WeakMap()
      this.#methods.set(clientClass, methods)
    }
    let method = methods.get(commandClass)
    if (method === undefined) {
      method = { name: this.#nameOf(client, clientClass, commandClass), byBucket: new Map() }
      methods.set(commandClass, method)
    }
    return method
  }

  /** `S3/PutObject`. */
  #nameOf(client: object, clientClass: object, commandClass: object): string {
    const id = peek(peek(client, 'config'), 'serviceId')
    const service = typeof id === 'string' ? id : String(peek(clientClass, 'name')).replace(/Client$/, '')
    const name = `${service}/${String(peek(commandClass, 'name')).replace(/Command$/, '')}`
    if (!/^[\w .-]{1,60}\/\w{1,80}$/.test(name) || (this.#names.size >= MAX_NAMES && !this.#names.has(name)))
      return '_OTHER'
    this.#names.add(name)
    return name
  }

  #bucketOf(given: unknown): string {
    if (typeof given !== 'string') return ''
    if (this.#buckets.has(given)) return given
    if (this.#buckets.size >= MAX_BUCKETS || given.length > 100) return '_other'
    this.#buckets.add(given)
    return given
  }
}

const NO_CLASS = class Unknown {}

function classOf(thing: unknown): object {
  const made = peek(thing, 'constructor')
  return typeof made === 'function' ? made : NO_CLASS
}
