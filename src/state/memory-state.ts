/**
 * The simplest correct state: maps in memory, gone with the process. The model of the suite, and for tests above.
 *
 * Values are kept as text, so that no caller can change a stored fact through a reference it still holds.
 */
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
import { checkName, checkWrites, closedError } from './write-check.ts'

export function memoryState(): State {
  return new MemoryState()
}

class MemoryState implements State {
  readonly #collections = new Map<string, Map<string, string>>()
  readonly #sequences = new Map<string, number>()
  readonly #audit: Link[] = []
  #head: ChainHead = EMPTY_CHAIN
  #closed = false

  async get(collection: string, id: string): Promise<Json | undefined> {
    this.#mustBeOpen()
    const text = this.#collections.get(collection)?.get(id)
    return text === undefined ? undefined : decodeJson(text)
  }

  async list(collection: string, options: ListOptions = {}): Promise<readonly Fact[]> {
    this.#mustBeOpen()
    const { prefix = '', limit = DEFAULT_LIST_LIMIT, newestFirst = false } = options
    const all = [...(this.#collections.get(collection) ?? [])].filter(([id]) => id.startsWith(prefix))
    if (newestFirst) all.reverse()
    return all.slice(0, limit).map(([id, text]) => ({ id, value: decodeJson(text) }))
  }

  async write(batch: readonly Write[]): Promise<void> {
    this.#mustBeOpen()
    for (const write of checkWrites(batch)) {
      switch (write.kind) {
        case 'put': {
          const collection = this.#collections.get(write.collection) ?? new Map<string, string>()
          this.#collections.set(write.collection, collection.set(write.id, write.text))
          break
        }
        case 'delete':
          this.#collections.get(write.collection)?.delete(write.id)
          break
        case 'audit': {
          const link = nextLink(this.#head, write.at, write.text)
          this.#audit.push(link)
          this.#head = link
          break
        }
        default:
          write satisfies never
      }
    }
  }

  async next(sequence: string): Promise<number> {
    this.#mustBeOpen()
    checkName('sequence', sequence)
    const number = (this.#sequences.get(sequence) ?? 0) + 1
    this.#sequences.set(sequence, number)
    return number
  }

  async audit(options: { readonly after?: number; readonly limit?: number } = {}): Promise<readonly AuditEntry[]> {
    this.#mustBeOpen()
    const { after = 0, limit = DEFAULT_LIST_LIMIT } = options
    return this.#audit.slice(after, after + limit).map(({ text, ...rest }) => ({ ...rest, entry: decodeJson(text) }))
  }

  async verifyAudit(): Promise<AuditVerdict> {
    this.#mustBeOpen()
    return verifyChain(this.#audit, this.#head)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
  }

  #mustBeOpen(): void {
    if (this.#closed) throw closedError()
  }
}
