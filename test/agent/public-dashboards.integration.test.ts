/**
 * Public dashboards for Node.js find their series on a page of the agent: each query is evaluated by our PromQL over real pages of a
 * service, one quarter of a minute apart. What is not found stands in the list with its reason, and would be noticed if it appeared.
 */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { Labels, unixMs } from '#core'
import { createEngine, type Engine } from '#promql'
import { parseExposition } from '#scrape'
import { memoryStore } from '#storage'
import { startService } from '../../agent/src/test-support/service.ts'
import { PUBLIC_DASHBOARDS } from './public-dashboards.ts'

const STEP_MS = 15_000
const PAGES = 5
let engine: Engine

before(async () => {
  await using service = await startService('../../../test/agent/signals-service.ts', {
    NODE_OPTIONS: '--max-semi-space-size=1',
  })
  const store = memoryStore()
  for (let i = 0; i < PAGES; i++) {
    const page = parseExposition(await service.metrics(), { format: 'text' })
    using batch = store.appender()
    for (let sample = 0; sample < page.count; sample++) {
      const labels = Labels.of({ ...page.labels(sample).toJSON(), job: 'shop', instance: '10.0.0.1:9464' })
      batch.append(undefined, labels, unixMs(i * STEP_MS), page.values[sample]!)
    }
    batch.commit()
  }
  engine = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
})

async function found(query: string): Promise<number> {
  const answer = await engine.query(query, { at: unixMs((PAGES - 1) * STEP_MS) })
  return answer.kind === 'vector' ? answer.samples.length : 0
}

for (const { name, queries } of PUBLIC_DASHBOARDS) {
  test(`${name} finds its series`, async () => {
    for (const { panel, query, missing } of queries) {
      const count = await found(query)
      if (missing === undefined) assert.ok(count > 0, `${panel}: ${query} finds nothing`)
      else assert.equal(count, 0, `${panel}: ${query} finds series now: it is no longer missing`)
    }
  })
}
