/**
 * One page of any exposition format to one shape: which parser, and what is made of the page once it is whole.
 *
 * - Strict where Prometheus is: one bad line fails the page, and nothing of it is used.
 * - `step` lets a large page be read in parts, so that it does not hold the process.
 */
import { convertClassic } from './classic-to-custom.ts'
import { takeCreated } from './created-lines.ts'
import type { ExpositionPage } from './exposition-page.ts'
import type { PageOptions, PageParser } from './page-parser.ts'
import { TextParser } from './parse-exposition.ts'
import { ProtobufParser } from './parse-protobuf.ts'

/** A parser for a page. It keeps `body`; do not write to it afterwards. */
export function pageParser(body: Uint8Array | string, options: PageOptions): PageParser {
  const bytes =
    typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (options.format === 'protobuf') return new ProtobufParser(bytes, options)
  const parser = new TextParser(bytes, options)
  const createdLines = options.startTimes === true && options.format === 'openmetrics'
  return createdLines || options.convertClassic === true ? new Finishing(parser, options, createdLines) : parser
}

/**
 * Parses one page at once. Throws `ASSAY_SCRAPE_PARSE` with the line, `ASSAY_SCRAPE_TOO_MANY_SAMPLES`, and for protobuf
 * `ASSAY_PROTO` too.
 */
export function parseExposition(body: Uint8Array | string, options: PageOptions): ExpositionPage {
  const parser = pageParser(body, options)
  parser.step(Number.POSITIVE_INFINITY)
  return parser.page
}

/** A text page that is rewritten once it is whole: `_created` lines taken out, classic histograms put together. */
class Finishing implements PageParser {
  readonly #parser: TextParser
  readonly #options: PageOptions
  readonly #createdLines: boolean
  #page: ExpositionPage

  constructor(parser: TextParser, options: PageOptions, createdLines: boolean) {
    this.#parser = parser
    this.#options = options
    this.#createdLines = createdLines
    this.#page = parser.page
  }

  get page(): ExpositionPage {
    return this.#page
  }

  step(samples: number): boolean {
    if (!this.#parser.step(samples)) return false
    if (this.#createdLines) this.#page = takeCreated(this.#page)
    if (this.#options.convertClassic === true)
      this.#page = convertClassic(this.#page, { keep: this.#options.keepClassic === true })
    return true
  }
}
