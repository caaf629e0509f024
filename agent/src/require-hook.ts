/**
 * Sees CommonJS modules as they are required, to patch the few libraries that publish nothing themselves.
 *
 * `tracing:module.require:end` carries the exports; it is also published for the inner requires of a CommonJS package that an ES
 * module imports, which is why each patch names an inner module too. No loader hook, no cost once the application has started.
 */
import type { Guard } from './guard.ts'

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
  guard.on<RequireMessage>('tracing:module.require:end', 'require', ({ id, parentFilename, result }) => {
    if (typeof id !== 'string' || (typeof result !== 'object' && typeof result !== 'function') || result === null)
      return
    const parent = typeof parentFilename === 'string' ? parentFilename.replaceAll('\\', '/') : ''
    for (const patch of patches) patch({ id, parentFilename: parent, exports: result })
  })
}

const PATCHED: unique symbol = Symbol('assay.patched')

/**
 * Replaces a method once; a second call, or a method that is not there, changes nothing. The new one keeps the old one's name,
 * length and own properties, so that whoever looks sees no difference.
 */
export function patchMethod<This>(
  holder: object | undefined | null,
  name: string,
  around: (original: (this: This, ...given: unknown[]) => unknown) => (this: This, ...given: unknown[]) => unknown,
): void {
  const original: unknown = holder === undefined || holder === null ? undefined : Reflect.get(holder, name)
  if (typeof original !== 'function' || PATCHED in original || holder === undefined || holder === null) return
  const patched = around(original as (this: This, ...given: unknown[]) => unknown)
  for (const key of Reflect.ownKeys(original)) {
    const property = Reflect.getOwnPropertyDescriptor(original, key)
    if (property !== undefined && key !== 'prototype') Reflect.defineProperty(patched, key, property)
  }
  Reflect.defineProperty(patched, PATCHED, { value: true })
  const place = Reflect.getOwnPropertyDescriptor(holder, name)
  Reflect.defineProperty(holder, name, {
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
