/**
 * A page in parts: each family already written in its format, so that pages of several workers are joined family by family without being
 * parsed.
 */
import type { Kind } from '../store/index.ts'

export type FamilyPage = {
  /** As the family is named in this format. */
  readonly name: string
  readonly kind: Kind
  readonly help: string
  /** Its samples in the page's format. */
  readonly body: Uint8Array
}
