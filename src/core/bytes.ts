/** Sizes: `500 GiB`, `1.5MB`. Binary and decimal units are both taken and never mixed up. */
import { AssayError } from './error.ts'

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
}

/** A size written in the editor, checked there. */
export type SizeText =
  `${number}${'' | ' '}${'B' | 'kB' | 'KB' | 'MB' | 'GB' | 'TB' | 'PB' | 'KiB' | 'MiB' | 'GiB' | 'TiB' | 'PiB'}`

/** Bytes of a size. Throws `ASSAY_SIZE`. */
export function parseSize(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s?([kKMGTP]?i?B)$/.exec(text)
  const unit = parts === null ? undefined : UNITS[parts[2]!]
  if (parts === null || unit === undefined) {
    throw new AssayError(
      'ASSAY_SIZE',
      `not a size: ${JSON.stringify(text)}; write a number and a unit, as in 500 GiB or 20 MB`,
    )
  }
  return Number(parts[1]) * unit
}
