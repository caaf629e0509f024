/** What is told of a block that does not hold. */
import { AssayError, messageOf } from '#core'

/** A block that cannot be trusted: which, and why. */
export class BlockCorruptError extends AssayError<'ASSAY_TSDB_CORRUPT'> {
  readonly dir: string

  constructor(dir: string, what: string, cause?: unknown) {
    const detail = cause === undefined ? '' : ` (${messageOf(cause)})`
    super(
      'ASSAY_TSDB_CORRUPT',
      `block ${dir} is damaged: ${what}${detail}; it is set aside and what of it is whole is kept, restore the rest from a backup`,
      {
        cause,
      },
    )
    this.dir = dir
  }
}

export function corrupt(dir: string, what: string, cause?: unknown): BlockCorruptError {
  return new BlockCorruptError(dir, what, cause)
}

/** For `catch`: the file could not be read. */
export function corruptAs(dir: string, file: string): (cause: unknown) => never {
  return (cause) => {
    throw corrupt(dir, `${file} cannot be read`, cause)
  }
}
