/**
 * What the process's first thread and a query thread say to each other. Plain data, copied or handed over; memory of the store is shared.
 */
import {
  AssayError,
  type Feature,
  type Instant,
  Labels,
  type Matcher,
  matcher,
  messageOf,
  type QueryAnswer,
  type QueryStats,
  type Range,
  type Writing,
} from '#core'
import type { Listing } from '#storage'
import type { StoreView } from '#tsdb'

/** How a thread evaluates, from its start on. */
export type ThreadSettings = {
  readonly maxSamples: number
  readonly lookbackMs: number
  readonly features: readonly Feature[]
}

/** What is to be done. `writing`: the answer of a query is wanted as a body; else as it is. A list is always a body. */
export type Work =
  | {
      readonly kind: 'query'
      readonly promql: string
      readonly when: Instant | Range
      readonly subqueryStepMs: number
      readonly writing?: Writing
    }
  | { readonly kind: 'list'; readonly listing: SentListing }

/** To a thread. */
export type ToThread =
  | { readonly kind: 'ask'; readonly id: number; readonly work: Work; readonly view: StoreView }
  /** Nobody waits for it any more. */
  | { readonly kind: 'leave'; readonly id: number }
  /** Further pieces of a body are wanted. */
  | { readonly kind: 'more'; readonly id: number }

/** From a thread. */
export type FromThread =
  /** It has started: from now on it answers at once. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: SentAnswer }
  | {
      readonly kind: 'body'
      readonly id: number
      readonly points: number
      readonly stats?: QueryStats
      readonly pieces: readonly Uint8Array<ArrayBuffer>[]
      readonly isLast: boolean
    }
  | {
      readonly kind: 'pieces'
      readonly id: number
      readonly pieces: readonly Uint8Array<ArrayBuffer>[]
      readonly isLast: boolean
    }
  /** Nobody waits for it, and nothing is read for it any more. */
  | { readonly kind: 'left'; readonly id: number }
  /** It reads what only the first thread can. */
  | { readonly kind: 'elsewhere'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly error: SentError }

/** An answer without objects that have a class. */
export type SentAnswer = { readonly flats: readonly (readonly string[])[]; readonly answer: QueryAnswer }

export function sendAnswer(answer: QueryAnswer): SentAnswer {
  if (answer.kind === 'vector') {
    const flats = answer.samples.map(({ labels }) => labels.flat)
    return { flats, answer: { ...answer, samples: answer.samples.map((one) => ({ ...one, labels: NONE })) } }
  }
  if (answer.kind === 'matrix') {
    const flats = answer.series.map(({ labels }) => labels.flat)
    return { flats, answer: { ...answer, series: answer.series.map((one) => ({ ...one, labels: NONE })) } }
  }
  return { flats: [], answer }
}

export function receiveAnswer({ flats, answer }: SentAnswer): QueryAnswer {
  const labels = (i: number) => Labels.fromSorted(flats[i]!)
  if (answer.kind === 'vector')
    return { ...answer, samples: answer.samples.map((one, i) => ({ ...one, labels: labels(i) })) }
  if (answer.kind === 'matrix')
    return { ...answer, series: answer.series.map((one, i) => ({ ...one, labels: labels(i) })) }
  return answer
}

/** In the place of labels on their way. */
const NONE = undefined as unknown as Labels

/** Matchers without their functions. */
export type SentListing = Omit<Listing, 'sets'> & { readonly sets: readonly (readonly Omit<Matcher, 'test'>[])[] }

export function sendListing(listing: Listing): SentListing {
  return { ...listing, sets: listing.sets.map((set) => set.map(({ name, op, value }) => ({ name, op, value }))) }
}

export function receiveListing(listing: SentListing): Listing {
  return { ...listing, sets: listing.sets.map((set) => set.map(({ name, op, value }) => matcher(name, op, value))) }
}

export type SentError = { readonly code?: string; readonly message: string; readonly stack?: string }

export function sendError(thrown: unknown): SentError {
  if (thrown instanceof AssayError) return { code: thrown.code, message: thrown.message }
  const stack = thrown instanceof Error ? thrown.stack : undefined
  return { message: messageOf(thrown), ...(stack === undefined ? {} : { stack }) }
}

/** The same refusal for whoever asked: codes and sentences are kept, classes are not. */
export function receiveError({ code, message, stack }: SentError): Error {
  if (code !== undefined) return new AssayError(code as `ASSAY_${string}`, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
