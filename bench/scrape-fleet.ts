/**
 * Targets for `bench/scrape.ts`, in a process of their own so that their CPU time does not count: one server, each path another target.
 * Tells its port over IPC. A page has the shape of an agent's: histograms, counters, gauges; half of its numbers change.
 */
import { createServer } from 'node:http'

const FAMILIES = 25
const LINES = 20

/** 500 series, 43 kB. `turn`: which scrape it is. */
export function fleetPage(target: number, turn: number): string {
  const parts: string[] = []
  for (let f = 0; f < FAMILIES; f++) {
    const isHistogram = f % 3 === 0
    const name = `http_server_part_${f}_${isHistogram ? 'duration_seconds' : 'requests_total'}`
    parts.push(`# HELP ${name} What part ${f} does.\n# TYPE ${name} ${isHistogram ? 'histogram' : 'counter'}\n`)
    for (let i = 0; i < LINES; i++) {
      const value = i % 2 === 0 ? 1000 + f * i : (target * 7919 + turn * (i + 1) * (f + 3)) / 8
      const labels = isHistogram
        ? `_bucket{route="/api/orders/${f}",method="GET",le="${i / 10}"}`
        : `{route="/api/orders/${i}",method="POST",status="200"}`
      parts.push(`${name}${labels} ${value}\n`)
    }
  }
  return parts.join('')
}

if (process.send !== undefined) {
  const turns = new Map<string, number>()
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const turn = (turns.get(path) ?? 0) + 1
    turns.set(path, turn)
    const body = fleetPage(Number(path.slice(1)) || 0, turn)
    response
      .writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'content-length': Buffer.byteLength(body) })
      .end(body)
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.(typeof address === 'object' ? address?.port : 0)
  })
  process.on('disconnect', () => process.exit(0))
}
