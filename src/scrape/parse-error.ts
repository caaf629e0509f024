/**
 * Where a page is wrong, in a sentence: line and column, what is wrong, what to write, and the text around the place, cut short.
 *
 * Columns count bytes from 1, so that they are right whatever the bytes are.
 */
import { AssayError } from '#core'

/** Bytes that are shown before the place, and from it on. */
const BEFORE = 40
const BEHIND = 60

export function parseError(body: Uint8Array, offset: number, what: string): AssayError<'ASSAY_SCRAPE_PARSE'> {
  let line = 1
  let start = 0
  for (let i = body.indexOf(10); i !== -1 && i < offset; i = body.indexOf(10, i + 1)) {
    line++
    start = i + 1
  }
  const next = body.indexOf(10, Math.max(start, offset))
  const end = next === -1 ? body.length : next
  const from = Math.max(start, offset - BEFORE)
  const to = Math.min(end, offset + BEHIND)
  const text = Buffer.from(body.subarray(from, to)).toString('utf8')
  const shown = `${from > start ? '…' : ''}${text}${to < end ? '…' : ''}`
  return new AssayError('ASSAY_SCRAPE_PARSE', `${line}:${offset - start + 1}: ${what}, in ${JSON.stringify(shown)}`)
}
