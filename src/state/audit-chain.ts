/**
 * The hash chain of the audit: SHA-256 over the hash before, the number, the instant and the entry's text.
 *
 * Whoever changes, removes or inserts an entry breaks every hash after it. The head (number and hash of the last entry)
 * is kept apart, so that a cut tail shows as well. It is evidence against accident and quiet edits; who can rewrite the
 * whole database can also rewrite the chain, so an outside copy of the head is what makes it proof.
 */
import { createHash } from 'node:crypto'
import type { UnixMs } from '#core'
import type { AuditVerdict } from './types.ts'

/** What stands before the first entry. */
export const GENESIS: string = '0'.repeat(64)

/** One entry as it is kept: `text` is the canonical JSON of the entry. */
export type Link = {
  readonly seq: number
  readonly at: UnixMs
  readonly text: string
  readonly hash: string
  readonly previous: string
}

export type ChainHead = { readonly seq: number; readonly hash: string }

export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: GENESIS }

/** The entry that follows `head`. */
export function nextLink(head: ChainHead, at: UnixMs, text: string): Link {
  const seq = head.seq + 1
  return { seq, at, text, previous: head.hash, hash: hashOf(head.hash, seq, at, text) }
}

/** Walks the chain from its start; says where it first breaks, and why. */
export function verifyChain(links: Iterable<Link>, head: ChainHead): AuditVerdict {
  let last = EMPTY_CHAIN
  for (const link of links) {
    const broken = faultOf(last, link)
    if (broken !== undefined) return { ok: false, seq: last.seq + 1, reason: broken }
    last = link
  }
  if (last.seq !== head.seq)
    return { ok: false, seq: last.seq + 1, reason: `the audit ends at ${last.seq}, but ${head.seq} was its last entry` }
  if (last.hash !== head.hash)
    return { ok: false, seq: last.seq, reason: 'the last entry is not the one recorded as last' }
  return { ok: true, entries: last.seq }
}

function faultOf(last: ChainHead, link: Link): string | undefined {
  if (link.seq !== last.seq + 1) return `entry ${last.seq + 1} is missing; the next one there is ${link.seq}`
  if (link.previous !== last.hash) return `entry ${link.seq} does not follow the entry before it`
  if (link.hash !== hashOf(link.previous, link.seq, link.at, link.text)) return `entry ${link.seq} was changed`
  return undefined
}

function hashOf(previous: string, seq: number, at: UnixMs, text: string): string {
  return createHash('sha256').update(`${previous}\n${seq}\n${at}\n${text}`).digest('hex')
}
