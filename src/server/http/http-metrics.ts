/**
 * The server's own requests as metrics, under Prometheus' names, so that its dashboards work on us.
 *
 * The handler label is the route's pattern, never the address: its values are as many as there are routes.
 */
import { PageWriter } from '#core'

const DURATION_BUCKETS = [0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120]
const SIZE_BUCKETS = [100, 1000, 10_000, 100_000, 1e6, 1e7, 1e8, 1e9]

/** A number the server keeps elsewhere, shown on its page. */
export type Reading = {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly value: () => number
}

/** The same, with one series for each value of a label. */
export type LabelledReading = Omit<Reading, 'value'> & {
  readonly label: string
  readonly values: () => ReadonlyMap<string, number>
}

export class HttpMetrics {
  readonly #requests = new Map<string, number>()
  readonly #durations = new Map<string, Histogram>()
  readonly #sizes = new Map<string, Histogram>()

  /** One request that was answered; `sizeBytes` as sent, after compression. */
  observe(handler: string, status: number, seconds: number, sizeBytes: number): void {
    const key = `${status} ${handler}`
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1)
    histogramOf(this.#durations, handler, DURATION_BUCKETS).observe(seconds)
    histogramOf(this.#sizes, handler, SIZE_BUCKETS).observe(sizeBytes)
  }

  /** A page of the exposition format, text 0.0.4. */
  page(readings: readonly (Reading | LabelledReading)[]): string {
    const page = new PageWriter()
    page.family('prometheus_http_requests_total', 'counter', 'Counter of HTTP requests.')
    for (const [key, count] of this.#requests) {
      const [code = '', handler = ''] = key.split(' ')
      page.sample(count, { code, handler })
    }
    page.family('prometheus_http_request_duration_seconds', 'histogram', 'Histogram of latencies for HTTP requests.')
    for (const [handler, one] of this.#durations) one.write(page, handler)
    page.family('prometheus_http_response_size_bytes', 'histogram', 'Histogram of response size for HTTP requests.')
    for (const [handler, one] of this.#sizes) one.write(page, handler)
    for (const reading of readings) {
      const { name, type, help } = reading
      if ('value' in reading) page.single(name, type, help, reading.value())
      else {
        page.family(name, type, help)
        for (const [value, count] of reading.values()) page.sample(count, { [reading.label]: value })
      }
    }
    return page.toString()
  }
}

class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    this.#sum += value
    this.#count++
    const bucket = this.#bounds.findIndex((bound) => value <= bound)
    if (bucket !== -1) this.#counts[bucket]! += 1
  }

  write(page: PageWriter, handler: string): void {
    let below = 0
    for (const [i, bound] of this.#bounds.entries()) {
      below += this.#counts[i]!
      page.sample(below, { handler, le: String(bound) }, '_bucket')
    }
    page.sample(this.#count, { handler, le: '+Inf' }, '_bucket')
    page.sample(this.#sum, { handler }, '_sum').sample(this.#count, { handler }, '_count')
  }
}

function histogramOf(all: Map<string, Histogram>, handler: string, bounds: readonly number[]): Histogram {
  let found = all.get(handler)
  if (found === undefined) all.set(handler, (found = new Histogram(bounds)))
  return found
}
