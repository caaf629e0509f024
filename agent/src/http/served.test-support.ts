/** The HTTP room by itself, in the process of the test: what it has counted, as the page would tell it. */
import { Guard, type Say } from '../guard.ts'
import { Store } from '../store/index.ts'
import { pageOf } from '../test-support/page-of.ts'
import { parsePage } from '../test-support/parse-page.ts'
import { PathGuesser } from './routes/guess.ts'
import { HttpServerMetrics } from './server.ts'

export type Measured = Disposable & {
  readonly metrics: HttpServerMetrics
  readonly guard: Guard
  readonly store: Store
  /** What the guard has said. */
  readonly said: readonly string[]
  /** Requests by `method route status error_type`, absent parts as `-`; only those with a count. */
  requests(): Promise<Record<string, number>>
  /** Requests in flight. */
  active(): Promise<number>
  /** The value of the first sample of that name, or 0; `labels` narrow it. */
  value(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
}

export function measure(): Measured {
  const store = new Store()
  const said: string[] = []
  const say: Say = (code, message) => void said.push(`${code}: ${message}`)
  const guard = new Guard(store, say)
  const metrics = new HttpServerMetrics({ store, guard, guesser: new PathGuesser(), onServer: () => {} })
  const samples = async (name: string) => {
    const page = parsePage(await pageOf(store), 'text')
    return [...page.values()].flatMap((family) => family.samples.filter((sample) => sample.name === name))
  }
  return {
    metrics,
    guard,
    store,
    said,
    async requests() {
      const counts = (await samples('http_server_request_duration_seconds_count')).map(({ labels, value }) => {
        const parts = ['http_request_method', 'http_route', 'http_response_status_code', 'error_type']
        return [parts.map((part) => labels[part] ?? '-').join(' '), value] as const
      })
      const sums: Record<string, number> = {}
      for (const [key, value] of counts) if (value > 0) sums[key] = (sums[key] ?? 0) + value
      return sums
    },
    async active() {
      return (await samples('http_server_active_requests')).reduce((sum, { value }) => sum + value, 0)
    },
    async value(name, labels = {}) {
      const fits = (await samples(name)).filter((sample) =>
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      )
      return fits.reduce((sum, { value }) => sum + value, 0)
    },
    [Symbol.dispose]() {
      guard[Symbol.dispose]()
    },
  }
}
