/**
 * The PromQL editor of Prometheus and its friends (`@prometheus-io/codemirror-promql`), unchanged: what its client learns from
 * assay, and what it then offers at a cursor, is what it learns and offers with a real Prometheus that holds the same data.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, test } from 'node:test'
import { peersMissing } from '../support/prometheus3.ts'
import { START_MS } from './data-set.ts'
import { openServers } from './differential.ts'

// All of it as CommonJS: as a module for browsers it imports without endings, and two copies of the editor's state do not mix.
const require = createRequire(import.meta.url)
const { CompletionContext } = require('@codemirror/autocomplete')
const { EditorState } = require('@codemirror/state')
const editor = require('@prometheus-io/codemirror-promql')
const { HTTPPrometheusClient } = require('@prometheus-io/codemirror-promql/dist/cjs/client/prometheus.js')

const skip = await peersMissing()
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
let opened: ReturnType<typeof openServers> | undefined
const servers = () => (opened ??= openServers(9).then((both) => stack.use(both)))

/** It asks for the last hours, and the data is years old. */
const lookbackInterval = Date.now() - START_MS + 3_600_000

test('its client learns the same of us, by GET and by POST', { skip }, async () => {
  const { ours, theirs } = await servers()
  for (const httpMethod of ['GET', 'POST'] as const) {
    const learn = async (url: string) => {
      const errors: unknown[] = []
      const one = new HTTPPrometheusClient({
        url,
        httpMethod,
        lookbackInterval,
        httpErrorHandler: (error: unknown) => void errors.push(error),
      })
      const learned = {
        names: await one.metricNames(),
        labels: await one.labelNames(),
        labelsOf: await one.labelNames('temperature'),
        values: await one.labelValues('job'),
        valuesOf: await one.labelValues('instance', 'up'),
        none: await one.labelValues('nobody'),
        series: await one.series('up'),
        metadata: await one.metricMetadata(),
        errors,
      }
      assert.ok(Object.keys(await one.flags()).length > 0)
      return learned
    }
    const [a, b] = [await learn(ours), await learn(theirs)]
    assert.ok(a.names.length > 10 && a.series.length > 0)
    assert.deepEqual(a, b)
  }
})

type Option = { readonly label: string; readonly type: string; readonly detail: string }

// `|` is where the cursor stands.
const CURSORS = [
  'http_re|',
  'up{|}',
  'up{job="|"}',
  'sum by (|) (temperature)',
  'rate(http_requests_total{code=~"|"}[5m])',
]

for (const text of CURSORS)
  test(`it offers the same at ${text}`, { skip }, async () => {
    const { ours, theirs } = await servers()
    const offers = async (url: string) => {
      const strategy = editor.newCompleteStrategy({ remote: { url, lookbackInterval } })
      const extension = new editor.PromQLExtension()
      const at = text.indexOf('|')
      const state = EditorState.create({ doc: text.replace('|', ''), extensions: [extension.asExtension()] })
      const result = await strategy.promQL(new CompletionContext(state, at, true))
      const options: Option[] = result?.options ?? []
      return options.map(({ label, type, detail }) => [label, type, detail])
    }
    const [a, b] = [await offers(ours), await offers(theirs)]
    assert.ok(a.length > 0)
    assert.deepEqual(a, b)
  })
