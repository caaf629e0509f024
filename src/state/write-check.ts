/** Checks a batch before anything of it is applied, and turns its values into text, once for every implementation. */
import { AssayError, type UnixMs } from '#core'
import { encodeJson } from './canonical-json.ts'
import type { Write } from './types.ts'

export type CheckedWrite =
  | { readonly kind: 'put'; readonly collection: string; readonly id: string; readonly text: string }
  | { readonly kind: 'delete'; readonly collection: string; readonly id: string }
  | { readonly kind: 'audit'; readonly at: UnixMs; readonly text: string }

const MAX_NAME_LENGTH = 1024

/** Throws `ASSAY_STATE_VALUE`. */
export function checkWrites(batch: readonly Write[]): readonly CheckedWrite[] {
  return batch.map((write) => {
    switch (write.kind) {
      case 'put':
        checkName('collection', write.collection)
        checkName('id', write.id)
        return { kind: 'put', collection: write.collection, id: write.id, text: encodeJson(write.value) }
      case 'delete':
        return write
      case 'audit':
        if (!Number.isSafeInteger(write.at)) {
          throw new AssayError('ASSAY_STATE_VALUE', `an audit entry at ${write.at}: give whole milliseconds`)
        }
        return { kind: 'audit', at: write.at, text: encodeJson(write.entry) }
      default:
        return write satisfies never
    }
  })
}

/** Names must come back from a database as they went in. Throws `ASSAY_STATE_VALUE`. */
export function checkName(what: 'collection' | 'id' | 'sequence', name: string): void {
  if (name === '' || name.length > MAX_NAME_LENGTH || name.includes('\0') || !name.isWellFormed()) {
    throw new AssayError(
      'ASSAY_STATE_VALUE',
      `${what} ${JSON.stringify(name.slice(0, 80))}: a name has 1 to ${MAX_NAME_LENGTH} characters of well-formed text without NUL`,
    )
  }
}

export function closedError(): AssayError {
  return new AssayError('ASSAY_STATE_CLOSED', 'the state store is closed; nothing was read or written')
}
