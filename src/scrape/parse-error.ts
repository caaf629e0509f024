/** Where a page is wrong, in a sentence: the line, what is wrong, what to write, and the line itself, cut short. */
import { AssayError } from '#core'

const SHOWN = 80

export function parseError(body: Uint8Array, offset: number, what: string): AssayError<'ASSAY_SCRAPE_PARSE'> {
  let line = 1
  let start = 0
  for (let i = body.indexOf(10); i !== -1 && i < offset; i = body.indexOf(10, i + 1)) {
    line++
    start = i + 1
  }
  const next = body.indexOf(10, start)
  const end = Math.min(next === -1 ? body.length : next, start + SHOWN)
  const text = Buffer.from(body.subarray(start, end)).toString('utf8')
  return new AssayError('ASSAY_SCRAPE_PARSE', `line ${line}: ${what}, in ${JSON.stringify(text)}`)
}
