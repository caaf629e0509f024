/**
 * The seam for durable small facts: incidents, tickets, the outbox, silences, and the audit of everything done.
 *
 * - A fact is JSON under (collection, id). Writes come in batches that are atomic and durable.
 * - The audit is append-only and hash-chained: entry n holds the SHA-256 over entry n-1's hash and its own content.
 * - Implementations (memory, SQLite) run one conformance suite.
 */
import type { UnixMs } from '#core'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

export type Write =
  | { readonly kind: 'put'; readonly collection: string; readonly id: string; readonly value: Json }
  | { readonly kind: 'delete'; readonly collection: string; readonly id: string }
  | { readonly kind: 'audit'; readonly at: UnixMs; readonly entry: Json }

export type Fact = { readonly id: string; readonly value: Json }

export type ListOptions = {
  /** Only ids that start so. */
  readonly prefix?: string
  /** At most so many; the default is `DEFAULT_LIST_LIMIT`. */
  readonly limit?: number
  /** By the instant of first being put, newest first; the default is oldest first. */
  readonly newestFirst?: boolean
}

export type AuditEntry = {
  /** 1, 2, 3, ... without a gap. */
  readonly seq: number
  readonly at: UnixMs
  readonly entry: Json
  /** SHA-256, hex, over `previous`, `seq`, `at` and the entry's canonical JSON. */
  readonly hash: string
  /** The hash of the entry before; 64 zeros for the first. */
  readonly previous: string
}

export type AuditVerdict =
  | { readonly ok: true; readonly entries: number }
  | { readonly ok: false; readonly seq: number; readonly reason: string }

export interface State extends AsyncDisposable {
  get(collection: string, id: string): Promise<Json | undefined>
  /** In the order of first being put (a later put keeps the place, a delete gives it up). */
  list(collection: string, options?: ListOptions): Promise<readonly Fact[]>
  /**
   * Atomic and durable: all of it or nothing, on disk when the promise resolves; applied in order. Members that are
   * `undefined` are dropped. Rejects with `ASSAY_STATE_WRITE` when the disk refuses (again may help) and
   * `ASSAY_STATE_VALUE` for what JSON cannot hold (NaN, an infinity, a cycle); then nothing of it happened.
   */
  write(batch: readonly Write[]): Promise<void>
  /** Next number of a named sequence: 1, 2, ...; durable, never given twice. */
  next(sequence: string): Promise<number>
  /** Entries with `seq` > `after` (default 0), ascending, at most `limit` (default `DEFAULT_LIST_LIMIT`). */
  audit(options?: { readonly after?: number; readonly limit?: number }): Promise<readonly AuditEntry[]>
  /** Walks the whole chain; says where it first breaks. */
  verifyAudit(): Promise<AuditVerdict>
}

export const DEFAULT_LIST_LIMIT = 10_000
