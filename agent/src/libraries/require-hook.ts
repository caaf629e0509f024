/**
 * Sees CommonJS modules as they are required, to patch the few libraries that publish nothing themselves.
 *
 * - Every `require` passes through `Module._load`, also the inner ones of a CommonJS package that an ES module imports, which is why each
 *   patch names an inner module too. APM tools have relied on it since Node 4.
 * - Node publishes the same as `tracing:module.require:end`, but to be subscribed to it costs each module 12 µs: Fastify starts 4.1 ms later,
 *   Express 2.4, with `Module._load` 0.8 and 0 (medians of 20 pairs). So it is taken only where `Module._load` cannot be replaced.
 */
import { createRequire } from 'node:module'
import type { Guard } from '../guard.ts'

const load = createRequire(import.meta.url)

export type Required = {
  /** As written: `./client`, `pg`. */
  readonly id: string
  /** With forward slashes on every system. */
  readonly parentFilename: string
  readonly exports: unknown
}

export type Patch = (required: Required) => void

type RequireMessage = { readonly id?: unknown; readonly parentFilename?: unknown; readonly result?: unknown }
type Load = (this: unknown, ...given: unknown[]) => unknown

/** `mayKnow`: a first look at the name, which nearly all modules do not pass. Ends with the guard. */
export function onRequire(guard: Guard, patch: Patch, mayKnow: (id: string) => boolean = () => true): void {
  let ended = false
  guard.atEnd(() => {
    ended = true
  })
  const see = guard.wrap('require', (id: string, parent: unknown, result: unknown): void => {
    if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return
    const by = peek(parent, 'filename')
    patch({ id, parentFilename: typeof by === 'string' ? by.replaceAll('\\', '/') : '', exports: result })
  })
  const Module = moduleClass()
  const original: unknown = Reflect.get(Module, '_load')
  const around: Load = function load(...given) {
    const result: unknown = Reflect.apply(original as Load, this, given)
    const [id, parent] = given
    if (typeof id === 'string' && mayKnow(id) && !ended) see(id, parent, result)
    return result
  }
  if (typeof original === 'function' && Reflect.set(Module, '_load', around)) return
  guard.on<RequireMessage>('tracing:module.require:end', 'require', ({ id, parentFilename, result }) => {
    if (typeof id === 'string' && mayKnow(id)) see(id, { filename: parentFilename }, result)
  })
}

/** What `node:module` exports, from a module that is there: to load that takes 0.5 ms of a start, and hardly an application does. */
function moduleClass(): object {
  for (const file in load.cache) {
    const known: unknown = peek(load.cache[file], 'constructor')
    if (typeof peek(known, '_load') === 'function') return known as object
  }
  return load('node:module') as object
}

/** The same for every copy of the agent in a process: a method is never wrapped twice. */
const PATCHED: unique symbol = Symbol.for('assay.patched') as never

/**
 * Replaces a method once. The new one keeps the old one's name, length and own properties, so that whoever looks sees no difference.
 * False when it could not be: it is not there, or its holder is frozen. Then nothing has changed, and the caller says that it stepped aside.
 */
export function patchMethod<This>(
  holder: object | undefined | null,
  name: string,
  around: (original: (this: This, ...given: unknown[]) => unknown) => (this: This, ...given: unknown[]) => unknown,
): boolean {
  const original: unknown = holder === undefined || holder === null ? undefined : Reflect.get(holder, name)
  if (typeof original !== 'function' || holder === undefined || holder === null) return false
  if (PATCHED in original) return true
  const patched = around(original as (this: This, ...given: unknown[]) => unknown)
  for (const key of Reflect.ownKeys(original)) {
    const property = Reflect.getOwnPropertyDescriptor(original, key)
    if (property !== undefined && key !== 'prototype') Reflect.defineProperty(patched, key, property)
  }
  Reflect.defineProperty(patched, PATCHED, { value: true })
  const place = Reflect.getOwnPropertyDescriptor(holder, name)
  return Reflect.defineProperty(holder, name, {
    value: patched,
    writable: true,
    configurable: true,
    enumerable: place?.enumerable ?? false,
  })
}

/** The property of an unknown thing, when it is an object or function. */
export function peek(thing: unknown, name: PropertyKey): unknown {
  return (typeof thing === 'object' && thing !== null) || typeof thing === 'function'
    ? Reflect.get(thing, name)
    : undefined
}

export function objectOr<T>(thing: unknown, otherwise: T): object | T {
  return (typeof thing === 'object' && thing !== null) || typeof thing === 'function' ? thing : otherwise
}
