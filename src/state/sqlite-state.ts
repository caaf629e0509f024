/**
 * State in one SQLite file: write-ahead log, synchronous=FULL, so what `write` acknowledged survives `kill -9` and power loss.
 *
 * - The file says what it is (`application_id`) and which schema it holds (`user_version`); a foreign, newer or damaged
 *   one is refused before anything is written to it.
 * - The audit table refuses UPDATE and DELETE by trigger. Its head is kept apart (see audit-chain.ts).
 * - One process at a time: the data directory's lock sees to that. A reader from outside may wait up to 5 s for a writer.
 */
import { closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { AssayError, messageOf, type UnixMs } from '#core'
import { type ChainHead, EMPTY_CHAIN, type Link, nextLink, verifyChain } from './audit-chain.ts'
import { decodeJson } from './canonical-json.ts'
import {
  type AuditEntry,
  type AuditVerdict,
  DEFAULT_LIST_LIMIT,
  type Fact,
  type Json,
  type ListOptions,
  type State,
  type Write,
} from './types.ts'
import { type CheckedWrite, checkName, checkWrites, closedError } from './write-check.ts'

/** 'assy' in ASCII: how `file` and we tell the database from another program's. */
const APPLICATION_ID = 0x61737379
const SCHEMA_VERSION = 1
const BUSY_TIMEOUT_MS = 5000

const SCHEMA = `
  CREATE TABLE facts (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (collection, id)
  ) STRICT;
  CREATE INDEX facts_by_place ON facts (collection, place);
  CREATE TABLE sequences (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    entry TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  CREATE TABLE audit_head (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TRIGGER audit_keeps_entries BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
  CREATE TRIGGER audit_keeps_all BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`

export type SqliteStateOptions = {
  /** Path of the database; its directory must exist. Made readable by its owner only. */
  readonly file: string
}

/**
 * Rejects with `ASSAY_STATE_FOREIGN` (another program's database), `ASSAY_STATE_NEWER` (a later assay's),
 * `ASSAY_STATE_CORRUPT` (damaged, or no database), `ASSAY_STATE_OPEN` (anything else: permissions, no such directory).
 */
export async function openSqliteState({ file }: SqliteStateOptions): Promise<State> {
  using opened = new DisposableStack()
  try {
    if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
    const db = opened.adopt(new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS }), (db) => db.close())
    identify(db, file)
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    const state = new SqliteState(db, file)
    opened.move()
    return state
  } catch (cause) {
    throw openError(cause, file)
  }
}

/** Makes the schema in an empty database; refuses one that is not ours. Writes nothing before that is known. */
function identify(db: DatabaseSync, file: string): void {
  const id = pragma(db, 'application_id')
  const version = pragma(db, 'user_version')
  const isEmpty = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']) === 0
  if (isEmpty && id === 0) {
    db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`)
    return
  }
  if (id !== APPLICATION_ID) {
    throw new AssayError(
      'ASSAY_STATE_FOREIGN',
      `${file} is another program's database; give assay a directory of its own`,
    )
  }
  if (version > SCHEMA_VERSION) {
    throw new AssayError(
      'ASSAY_STATE_NEWER',
      `${file} was written by a later assay (schema ${version}, this one knows up to ${SCHEMA_VERSION}); start that version, or restore a backup made by this one`,
    )
  }
  const [check] = db.prepare('PRAGMA quick_check(1)').all()
  if (check?.['quick_check'] !== 'ok') throw corruptError(file, String(check?.['quick_check']))
}

class SqliteState implements State {
  readonly #db: DatabaseSync
  readonly #file: string
  readonly #statements: Statements
  #head: ChainHead
  #closed = false

  constructor(db: DatabaseSync, file: string) {
    this.#db = db
    this.#file = file
    this.#statements = prepare(db)
    this.#head = this.#readHead()
  }

  async get(collection: string, id: string): Promise<Json | undefined> {
    const row = this.#reading(() => this.#statements.get.get(collection, id))
    return row === undefined ? undefined : decodeJson(String(row['value']))
  }

  async list(collection: string, options: ListOptions = {}): Promise<readonly Fact[]> {
    const { prefix = '', limit = DEFAULT_LIST_LIMIT, newestFirst = false } = options
    const statement = newestFirst ? this.#statements.listNewest : this.#statements.list
    const rows = this.#reading(() => statement.all(collection, prefix, prefix, limit))
    return rows.map((row) => ({ id: String(row['id']), value: decodeJson(String(row['value'])) }))
  }

  async write(batch: readonly Write[]): Promise<void> {
    const writes = checkWrites(batch)
    if (writes.length === 0) return
    this.#head = this.#transaction(() => writes.reduce((head, write) => this.#apply(write, head), this.#head))
  }

  async next(sequence: string): Promise<number> {
    checkName('sequence', sequence)
    return this.#transaction(() => Number(this.#statements.next.get(sequence)?.['value']))
  }

  async audit(options: { readonly after?: number; readonly limit?: number } = {}): Promise<readonly AuditEntry[]> {
    const { after = 0, limit = DEFAULT_LIST_LIMIT } = options
    const rows = this.#reading(() => this.#statements.audit.all(after, limit))
    return rows.map(toLink).map(({ text, ...rest }) => ({ ...rest, entry: decodeJson(text) }))
  }

  async verifyAudit(): Promise<AuditVerdict> {
    return this.#reading(() => {
      const rows = this.#statements.audit.iterate(0, Number.MAX_SAFE_INTEGER)
      return verifyChain(Iterator.from(rows).map(toLink), this.#readHead())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#db.close()
  }

  #apply(write: CheckedWrite, head: ChainHead): ChainHead {
    switch (write.kind) {
      case 'put':
        this.#statements.put.run(write.collection, write.id, write.text)
        return head
      case 'delete':
        this.#statements.delete.run(write.collection, write.id)
        return head
      case 'audit': {
        const link = nextLink(head, write.at, write.text)
        this.#statements.addAudit.run(link.seq, link.at, link.text, link.previous, link.hash)
        this.#statements.setHead.run(link.seq, link.hash)
        return link
      }
      default:
        return write satisfies never
    }
  }

  #readHead(): ChainHead {
    const row = this.#statements.head.get()
    return row === undefined ? EMPTY_CHAIN : { seq: Number(row['seq']), hash: String(row['hash']) }
  }

  /** All of `work` or nothing. After a failed commit SQLite may or may not still be in the transaction. */
  #transaction<T>(work: () => T): T {
    if (this.#closed) throw closedError()
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      const result = work()
      this.#db.exec('COMMIT')
      return result
    } catch (cause) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      if (isDamage(cause)) throw corruptError(this.#file, messageOf(cause), cause)
      throw new AssayError(
        'ASSAY_STATE_WRITE',
        `${this.#file} could not be written (${messageOf(cause)}); nothing of the batch was kept; see that the disk has room and try again`,
        { cause },
      )
    }
  }

  #reading<T>(work: () => T): T {
    if (this.#closed) throw closedError()
    try {
      return work()
    } catch (cause) {
      if (isDamage(cause)) throw corruptError(this.#file, messageOf(cause), cause)
      throw new AssayError('ASSAY_STATE_READ', `${this.#file} could not be read: ${messageOf(cause)}`, { cause })
    }
  }
}

type Statements = { readonly [name in keyof ReturnType<typeof prepare>]: StatementSync }

function prepare(db: DatabaseSync) {
  const listing = (order: 'ASC' | 'DESC') =>
    db.prepare(
      `SELECT id, value FROM facts WHERE collection = ? AND substr(id, 1, length(?)) = ? ORDER BY place ${order} LIMIT ?`,
    )
  return {
    get: db.prepare('SELECT value FROM facts WHERE collection = ? AND id = ?'),
    list: listing('ASC'),
    listNewest: listing('DESC'),
    put: db.prepare(
      'INSERT INTO facts (collection, id, value) VALUES (?, ?, ?) ON CONFLICT (collection, id) DO UPDATE SET value = excluded.value',
    ),
    delete: db.prepare('DELETE FROM facts WHERE collection = ? AND id = ?'),
    next: db.prepare(
      'INSERT INTO sequences (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value',
    ),
    audit: db.prepare('SELECT seq, at, entry, previous, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?'),
    addAudit: db.prepare('INSERT INTO audit (seq, at, entry, previous, hash) VALUES (?, ?, ?, ?, ?)'),
    head: db.prepare('SELECT seq, hash FROM audit_head'),
    setHead: db.prepare(
      'INSERT INTO audit_head (only_row, seq, hash) VALUES (1, ?, ?) ON CONFLICT (only_row) DO UPDATE SET seq = excluded.seq, hash = excluded.hash',
    ),
  }
}

function toLink(row: Record<string, unknown>): Link {
  return {
    seq: Number(row['seq']),
    at: Number(row['at']) as UnixMs,
    text: String(row['entry']),
    hash: String(row['hash']),
    previous: String(row['previous']),
  }
}

function pragma(db: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, with their extended forms. */
function isDamage(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'errcode' in thrown ? Number(thrown.errcode) & 0xff : 0
  return code === 11 || code === 26
}

function corruptError(file: string, detail: string, cause?: unknown): AssayError {
  return new AssayError(
    'ASSAY_STATE_CORRUPT',
    `${file} is damaged (${detail}); move it away and restore a backup, or start without it and lose what it held`,
    { cause },
  )
}

function openError(cause: unknown, file: string): AssayError {
  if (cause instanceof AssayError) return cause
  if (isDamage(cause)) return corruptError(file, messageOf(cause), cause)
  return new AssayError('ASSAY_STATE_OPEN', `${file} could not be opened: ${messageOf(cause)}`, { cause })
}
