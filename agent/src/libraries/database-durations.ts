/**
 * `db_client_operation_duration_seconds`: one family for all databases, with OpenTelemetry's labels.
 *
 * A series is looked up once by database, namespace and operation and its slot kept: two Map look-ups per operation, no text joined.
 * Errors are rare, and take the slow way.
 */
import { type Family, observe, type Slot, type Store } from '../store/index.ts'

/** OpenTelemetry's advice for database durations, in seconds. */
const BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const
/** Namespaces beyond are `_other`: a database per tenant must not fill the memory. */
const MAX_NAMESPACES = 100
const MAX_OPERATIONS = 300

export class DatabaseDurations {
  readonly #family: Family
  readonly #system: string
  readonly #namespaces = new Map<string, Map<string, Slot>>()

  /** `system` is OpenTelemetry's name of the database: `postgresql`, `redis`. */
  constructor(store: Store, system: string) {
    this.#family = store.family({
      name: 'db_client_operation_duration_seconds',
      help: 'Duration of database operations, as the application waits for them.',
      kind: 'histogram',
      bounds: BOUNDS,
      native: true,
    })
    this.#system = system
  }

  record(namespace: string, operation: string, seconds: number): void {
    const known = this.#namespaces.get(namespace)?.get(operation)
    observe(known ?? this.#learn(namespace, operation), seconds)
  }

  /** `type` tells the error by one of few words: `23505`, `WRONGTYPE`, `ECONNRESET`. */
  failed(namespace: string, operation: string, seconds: number, type: string): void {
    const shown = this.#namespaces.has(namespace) || this.#namespaces.size < MAX_NAMESPACES ? namespace : '_other'
    observe(this.#series(shown, operation, type), seconds)
  }

  #learn(namespace: string, operation: string): Slot {
    let operations = this.#namespaces.get(namespace)
    if (operations === undefined) {
      if (this.#namespaces.size >= MAX_NAMESPACES && namespace !== '_other') return this.#learn('_other', operation)
      operations = new Map()
      this.#namespaces.set(namespace, operations)
    }
    const known = operations.get(operation)
    if (known !== undefined) return known
    const slot = this.#series(namespace, operation, '')
    if (operations.size < MAX_OPERATIONS) operations.set(operation, slot)
    return slot
  }

  #series(namespace: string, operation: string, error: string): Slot {
    return this.#family.series([
      ['db_system_name', this.#system],
      ['db_operation_name', operation],
      ['db_namespace', namespace],
      ['error_type', error],
    ])
  }
}
