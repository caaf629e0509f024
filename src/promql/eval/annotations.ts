/**
 * Caveats beside a result, worded and placed as Prometheus does, each once, bounded.
 */
import { formatPlace, type Span } from '../position.ts'

const MAX_ANNOTATIONS = 100

export class Annotations {
  readonly #text: string
  readonly #warnings = new Set<string>()
  readonly #infos = new Set<string>()

  constructor(text: string) {
    this.#text = text
  }

  /** What may make the result wrong. */
  warn(span: Span, message: string): void {
    this.#add(this.#warnings, `PromQL warning: ${message} (${formatPlace(this.#text, span.start)})`)
  }

  /** What may not be what was meant. */
  info(span: Span, message: string): void {
    this.#add(this.#infos, `PromQL info: ${message} (${formatPlace(this.#text, span.start)})`)
  }

  get warnings(): readonly string[] {
    return [...this.#warnings]
  }

  get infos(): readonly string[] {
    return [...this.#infos]
  }

  #add(to: Set<string>, message: string): void {
    if (to.size < MAX_ANNOTATIONS) to.add(message)
  }
}

/** ` for metric name "x"`, or nothing when there is none. */
export function forMetric(name: string): string {
  return name === '' ? '' : ` for metric name ${JSON.stringify(name)}`
}
