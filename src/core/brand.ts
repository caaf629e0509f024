/**
 * Nominal types over plain values: a `UnixMs` is a number at run time and nothing else at compile time.
 */
declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** An instant: whole milliseconds since the Unix epoch, UTC. */
export type UnixMs = Brand<number, 'UnixMs'>

/** Makes an instant of a number; fractions of a millisecond are dropped (towards the past). */
export function unixMs(value: number): UnixMs {
  return Math.floor(value) as UnixMs
}
