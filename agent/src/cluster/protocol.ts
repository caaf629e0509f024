/**
 * What hub and worker say to each other, and how each is parsed: what comes over a socket is unknown until then.
 *
 *     worker: GET /-/assay/worker, Upgrade: assay-worker, assay-nonce: N
 *     hub:    101, assay-proof: HMAC(key, hub N), assay-nonce: M        (a hub of another group cannot prove; the worker leaves)
 *     worker: {proof: HMAC(key, worker M), worker, startedAt, pid, isThread}
 *     hub:    {ask: 7, format, names}   worker: {answer: 7, families: [[name, kind, help, bytes]], users}, and the bytes of all families
 *     worker: {last: format, families, users}    (its last words before an orderly end, once for each format it has been asked for)
 *     hub:    {heard: format}                    (until then it must not end: what a socket has left unread and unsent is lost with it)
 *     hub:    {left: worker, last: format, families, users}   (before an orderly end of its own: its last words, and those it was told lately)
 *     worker: {kept: 3}                          (so many of these it has)
 */
import type { FamilyPage } from '../exposition/family-page.ts'
import { PAGE_FORMATS, type PageFormat } from '../exposition/page-format.ts'
import { peek } from '../libraries/require-hook.ts'
import { KINDS } from '../store/index.ts'
import { encodeFrame, type Frame } from './frames.ts'

export const WORKER_PATH = '/-/assay/worker'
export const UPGRADE_NAME = 'assay-worker'

/** `startedAt`: Unix milliseconds; of two workers with the same label the younger one speaks. */
export type Hello = {
  readonly proof: string
  readonly worker: string
  readonly startedAt: number
  readonly pid: number
  /** Whether it is the thread of its own that speaks, which goes before the main thread. */
  readonly isThread: boolean
}
export type Ask = { readonly ask: number; readonly format: PageFormat; readonly names: readonly string[] | undefined }
/** `clients` only when they were asked for, by the name of their path. */
export type WorkerPage = {
  readonly families: readonly FamilyPage[]
  readonly users: unknown
  readonly clients?: unknown
}
export type Answer = WorkerPage & { readonly answer: number }

/** Characters of a worker's label. */
const MAX_WORKER = 64

type Row = readonly [name: string, kind: FamilyPage['kind'], help: string, bytes: number]

export type LastWords = WorkerPage & { readonly last: PageFormat }
export type Heard = { readonly heard: PageFormat }
/** What a worker said last, as the hub leaves it to the others. */
export type Legacy = LastWords & { readonly left: string }
export type Kept = { readonly kept: number }

/** A frame that carries a page: the answer to a question, or last words in a format. */
export function encodePage(
  what: { answer: number } | { last: PageFormat; left?: string },
  page: WorkerPage,
): Uint8Array[] {
  const families = page.families.map(({ name, kind, help, body }): Row => [name, kind, help, body.length])
  return encodeFrame(
    { ...what, families, users: page.users, clients: page.clients },
    page.families.map(({ body }) => body),
  )
}

export function tryHello(message: unknown): Hello | undefined {
  const [proof, worker, startedAt, pid] = ['proof', 'worker', 'startedAt', 'pid'].map((name) => peek(message, name))
  if (typeof proof !== 'string' || typeof worker !== 'string' || worker.length > MAX_WORKER) return undefined
  if (typeof startedAt !== 'number' || typeof pid !== 'number') return undefined
  return { proof, worker, startedAt, pid, isThread: peek(message, 'isThread') === true }
}

export function tryAsk(message: unknown): Ask | undefined {
  const [ask, format, names] = [peek(message, 'ask'), peek(message, 'format'), peek(message, 'names')]
  if (typeof ask !== 'number' || !isPageFormat(format)) return undefined
  if (names !== undefined && !(Array.isArray(names) && names.every((name) => typeof name === 'string')))
    return undefined
  return { ask, format, names }
}

/** The format of last words that the hub has heard. */
export function tryHeard(message: unknown): PageFormat | undefined {
  const heard = peek(message, 'heard')
  return isPageFormat(heard) ? heard : undefined
}

export function tryAnswer({ head, body }: Frame): Answer | undefined {
  const [answer, rows, users, clients] = ['answer', 'families', 'users', 'clients'].map((name) => peek(head, name))
  const families = tryFamilies(rows, body)
  return typeof answer === 'number' && families !== undefined ? { answer, families, users, clients } : undefined
}

export function tryLastWords({ head, body }: Frame): LastWords | undefined {
  const [last, rows, users] = [peek(head, 'last'), peek(head, 'families'), peek(head, 'users')]
  const families = isPageFormat(last) ? tryFamilies(rows, body) : undefined
  return isPageFormat(last) && families !== undefined ? { last, families, users } : undefined
}

export function tryLegacy(frame: Frame): Legacy | undefined {
  const left = peek(frame.head, 'left')
  const words = typeof left === 'string' && left.length <= MAX_WORKER ? tryLastWords(frame) : undefined
  return typeof left === 'string' && words !== undefined ? { ...words, left } : undefined
}

/** Families from their rows and the bytes of all of them; undefined when they do not fit together. */
function tryFamilies(rows: unknown, body: Uint8Array): FamilyPage[] | undefined {
  if (!Array.isArray(rows)) return undefined
  const families: FamilyPage[] = []
  let at = 0
  for (const row of rows) {
    if (!isRow(row) || at + row[3] > body.length) return undefined
    const [name, kind, help, bytes] = row
    families.push({ name, kind, help, body: body.subarray(at, at + bytes) })
    at += bytes
  }
  return at === body.length ? families : undefined
}

function isPageFormat(given: unknown): given is PageFormat {
  return (PAGE_FORMATS as readonly unknown[]).includes(given)
}

function isRow(row: unknown): row is Row {
  if (!Array.isArray(row)) return false
  const [name, kind, help, bytes]: readonly unknown[] = row
  return (
    typeof name === 'string' &&
    (KINDS as readonly unknown[]).includes(kind) &&
    typeof help === 'string' &&
    Number.isSafeInteger(bytes) &&
    Number(bytes) >= 0
  )
}
