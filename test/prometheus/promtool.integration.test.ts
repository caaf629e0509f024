/**
 * promtool of the current Prometheus, unchanged: what it prints of assay is what it prints of a Prometheus that holds the same
 * data, and it has nothing to complain about in our own metrics.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { checkMetrics, peersMissing, promtool } from '../support/prometheus3.ts'
import { SPAN_MS, START_MS } from './data-set.ts'
import { openServers } from './differential.ts'

const skip = await peersMissing()
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
let opened: ReturnType<typeof openServers> | undefined
const servers = () => (opened ??= openServers(8).then((both) => stack.use(both)))

const start = START_MS / 1000
const end = (START_MS + SPAN_MS) / 1000
const SPAN = [`--start=${start}`, `--end=${end}`]
/** `URL` stands for the server. */
const COMMANDS: readonly (readonly string[])[] = [
  ['query', 'instant', 'URL', 'up', `--time=${start + 600}`],
  ['query', 'instant', 'URL', 'sum by (job) (rate(http_requests_total[5m]))', '--time=2023-11-14T23:10:00Z'],
  ['query', 'instant', 'URL', '1 + 1', '--time=4'],
  ['query', 'instant', 'URL', 'odd[1m]', `--time=${start + 600}`],
  ['query', 'instant', 'URL', 'size_bytes', `--time=${start + 600}`],
  ['query', 'instant', 'URL', 'rpc_seconds', `--time=${start + 600}`, '-o', 'json'],
  ['query', 'range', 'URL', 'temperature', ...SPAN, '--step=5m'],
  ['query', 'range', 'URL', 'load_distribution', ...SPAN, '--step=20m'],
  ['query', 'series', 'URL', '--match=up', '--match={__name__=~"twin_.*"}', ...SPAN],
  ['query', 'series', 'URL', '--match={"queue.länge"}', ...SPAN],
  ['query', 'labels', 'URL', 'job', ...SPAN],
  ['query', 'labels', 'URL', '__name__', ...SPAN],
  ['query', 'labels', 'URL', 'job', '--match=temperature', ...SPAN],
  [
    ...['query', 'analyze', '--server=URL', '--type=histogram', '--duration=40m', `--time=${end}`],
    ...['--match=latency_seconds_bucket', '--match=rpc_seconds'],
  ],
]

for (const command of COMMANDS)
  test(`promtool ${command.join(' ')}`, { skip }, async () => {
    const { ours, theirs } = await servers()
    const of = (url: string) => promtool(...command.map((word) => word.replace('URL', url)))
    const [a, b] = [await of(ours), await of(theirs)]
    assert.equal(b.code, 0, b.stderr)
    assert.deepEqual({ ...a, stdout: lines(a.stdout) }, { ...b, stdout: lines(b.stdout) })
  })

test('promtool fails on a query that is none, and shows our words', { skip }, async () => {
  const { ours } = await servers()
  const { code, stderr } = await promtool('query', 'instant', ours, 'up{')
  assert.equal(code, 1)
  assert.match(stderr, /bad_data: invalid parameter "query": 1:4: .*; write a label name/)
})

test('promtool checks that we are healthy and ready', { skip }, async () => {
  const { ours } = await servers()
  for (const what of ['healthy', 'ready']) {
    const { code, stderr } = await promtool('check', what, `--url=${ours}`)
    assert.equal(code, 0, stderr)
  }
})

test('promtool finds nothing to complain about in our own metrics', { skip }, async () => {
  const { ours } = await servers()
  const page = await (await fetch(`${ours}/metrics`)).text()
  assert.ok(page.length > 1000, page)
  assert.deepEqual(await checkMetrics(page), { code: 0, stdout: '', stderr: '' })
})

/** A vector is printed in the order in which it came, which is nobody's promise. */
function lines(text: string): readonly string[] {
  return text.startsWith('[') || text.includes(' =>\n') ? [normal(text)] : text.split('\n').toSorted()
}

function normal(text: string): string {
  if (!text.startsWith('[')) return text
  const list = JSON.parse(text) as { metric: unknown }[]
  return JSON.stringify(list.toSorted((a, b) => (JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1)))
}
