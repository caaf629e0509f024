/**
 * The one error class of the product.
 *
 * - `code` is stable and stands in `docs/reference/errors.md`; a test holds page and code together.
 * - `message` has the place, the offending value and the next step, and never a secret.
 */
export class AssayError<Code extends `ASSAY_${string}` = `ASSAY_${string}`> extends Error {
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The message of anything thrown, for a log line or a page. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '' && thrown.errors.length > 0)
    return messageOf(thrown.errors[0])
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
}
