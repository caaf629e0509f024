/**
 * Sees CommonJS modules as they are required, to patch the few libraries that publish nothing themselves.
 *
 * `tracing:module.require:end` carries the exports; it is also published for the inner requires of a CommonJS package that an ES
 * module imports, which is why each patch names an inner module too. No loader hook, no cost once the application has started.
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

export function onRequire(guard: Guard, patches: readonly Patch[]): void {
  let published = false
  const see = ({ id, parentFilename, result }: RequireMessage): void => {
    published = true
    if (typeof id !== 'string' || (typeof result !== 'object' && typeof result !== 'function') || result === null)
      return
    const parent = typeof parentFilename === 'string' ? parentFilename.replaceAll('\\', '/') : ''
    for (const patch of patches) patch({ id, parentFilename: parent, exports: result })
  }
  guard.on<RequireMessage>('tracing:module.require:end', 'require', see)
  load('node:diagnostics_channel')
  if (!published) watchLoad(guard, see)
}

/** For a Node that does not publish it yet (20): every require passes through `Module._load`, as APM tools have long relied on. */
function watchLoad(guard: Guard, see: (message: RequireMessage) => void): void {
  const safe = guard.wrap('require', see)
  const Module = load('node:module') as typeof import('node:module')
  const original: unknown = Reflect.get(Module, '_load')
  if (typeof original !== 'function') return
  Reflect.set(Module, '_load', function load(this: unknown, ...given: unknown[]): unknown {
    const result: unknown = original.apply(this, given)
    safe({ id: given[0], parentFilename: peek(given[1], 'filename'), result })
    return result
  })
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
