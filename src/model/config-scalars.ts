/** Single values of Prometheus' configuration files, each with the sentence that says what to write instead. */
import { z } from 'zod'
import { parseDuration, sourceOf, tryNumber, tryParseDuration, tryTruth } from '#core'

/** A text. What YAML reads as a number or a truth is taken as it is written. */
export const text = z.preprocess(
  sourceOf,
  z.string({
    error: ({ input }) => (input === undefined ? 'it is missing' : 'a text was expected; put it in quotes'),
  }),
)
export const texts = z.array(text)
export const labels = z.record(z.string(), text)

export const duration = text
  .refine((text) => tryParseDuration(text) !== undefined, { message: 'not a duration; write 15s, 1m or 1h30m' })
  .transform(parseDuration)

const BYTES: Readonly<Record<string, number>> = Object.fromEntries(
  ['', 'K', 'M', 'G', 'T', 'P', 'E'].flatMap((prefix, i) => [
    [`${prefix}B`, 1024 ** i],
    [`${prefix}iB`, 1024 ** i],
  ]),
)

/** A limit in bytes. In this file, as in Prometheus, a KB is 1024 bytes, and parts may be added up: `1MB512KB`. */
export const byteLimit = text.transform((text, context) => {
  if (/^[+-]?0+$/.test(text)) return 0
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?|\.\d+)([KMGTPE]?i?B)/g)]
  if (
    parts.length === 0 ||
    parts.map(([whole]) => whole).join('') !== text ||
    parts.some(([, , unit]) => BYTES[unit!] === undefined)
  ) {
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is not a size; write 512KB, 10MB or 1GB` })
    return z.NEVER
  }
  return Math.floor(parts.reduce((sum, [, count, unit]) => sum + Number(count) * BYTES[unit!]!, 0))
})

/** A truth, in any of YAML's spellings. */
export const truth = z.preprocess(
  (given) => tryTruth(given) ?? given,
  z.boolean({ error: 'neither true nor false; write one of them' }),
)

/** A number that `schema` takes. */
export const number = <Schema extends z.ZodNumber>(schema: Schema) =>
  z.preprocess((given) => tryNumber(given) ?? given, schema)

/** A limit as a whole number; 0 is none. */
export const limit = number(z.number().int().nonnegative())

/** A key that Prometheus knows and assay does not: `instead` says what to write. */
export const notHere = (instead: string) => z.undefined({ error: instead }).optional()
