/**
 * What hub and worker say to each other, and how each is parsed: what comes over a socket is unknown until then.
 *
 *     worker: GET /-/assay/worker, Upgrade: assay-worker, assay-nonce: N
 *     hub:    101, assay-proof: HMAC(key, hub N), assay-nonce: M        (a hub of another group cannot prove; the worker leaves)
 *     worker: {proof: HMAC(key, worker M), worker, startedAt, pid}
 *     hub:    {ask: 7, format}          worker: {answer: 7, page, users}
 */
import type { FamilyPage, Format } from '../exposition/exposition.ts'
import { peek } from '../libraries/require-hook.ts'

export const WORKER_PATH = '/-/assay/worker'
export const UPGRADE_NAME = 'assay-worker'

/** `startedAt`: Unix milliseconds; of two workers with the same label the younger one speaks. */
export type Hello = {
  readonly proof: string
  readonly worker: string
  readonly startedAt: number
  readonly pid: number
}
export type Ask = { readonly ask: number; readonly format: Format }
export type WorkerPage = { readonly page: readonly FamilyPage[]; readonly users: unknown }
export type Answer = WorkerPage & { readonly answer: number }

export function tryHello(message: unknown): Hello | undefined {
  const [proof, worker, startedAt, pid] = ['proof', 'worker', 'startedAt', 'pid'].map((name) => peek(message, name))
  if (typeof proof !== 'string' || typeof worker !== 'string' || worker.length > 64) return undefined
  return typeof startedAt === 'number' && typeof pid === 'number' ? { proof, worker, startedAt, pid } : undefined
}

export function tryAsk(message: unknown): Ask | undefined {
  const [ask, format] = [peek(message, 'ask'), peek(message, 'format')]
  return typeof ask === 'number' && (format === 'text' || format === 'openmetrics') ? { ask, format } : undefined
}

export function tryAnswer(message: unknown): Answer | undefined {
  const [answer, page, users] = [peek(message, 'answer'), peek(message, 'page'), peek(message, 'users')]
  return typeof answer === 'number' && Array.isArray(page) && page.every(isFamilyPage)
    ? { answer, page, users }
    : undefined
}

function isFamilyPage(given: unknown): given is FamilyPage {
  const kind = peek(given, 'kind')
  const texts = ['name', 'help', 'body'].every((name) => typeof peek(given, name) === 'string')
  return texts && (kind === 'counter' || kind === 'gauge' || kind === 'histogram')
}
