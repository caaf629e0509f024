/**
 * Prometheus' HTTP API, held against a real Prometheus: both with one configuration, scraping one page, given the same samples, asked
 * the same; status, headers that clients read, and body must agree.
 *
 * - What only a clock decides (when something was scraped or evaluated, how long it took) is taken out on both sides.
 * - The words of a refusal are ours, and say what to write instead: of those, status and `errorType` must agree.
 * - Every other difference stands in `DIFFERENCES`, with its reason.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peersMissing } from '../support/prometheus3.ts'
import { type Answer, ask, openBoth } from './both.ts'
import { ACCEPTED, DIFFERENCES, REFUSED, type Request } from './requests.ts'

const name = ({ method = 'GET', path, body }: Request) => `${method} ${path}${body === undefined ? '' : ` ${body}`}`

test('a real Prometheus and assay answer alike', { skip: await peersMissing() }, async (t) => {
  await using both = await openBoth()
  const askBoth = (request: Request) => Promise.all(both.urls.map((url) => ask(url, request, both.at)))
  for (const request of ACCEPTED) {
    await t.test(name(request), async () => {
      const [ours, theirs] = await askBoth(request)
      assert.ok(
        theirs !== undefined && theirs.status < 400,
        `a question that Prometheus refuses: ${JSON.stringify(theirs)}`,
      )
      assert.deepEqual(ours, theirs)
    })
  }
  for (const request of REFUSED) {
    await t.test(`refused: ${name(request)}`, async () => {
      const [ours, theirs] = await askBoth(request)
      assert.ok(
        theirs !== undefined && theirs.status >= 400,
        `a question that Prometheus answers: ${JSON.stringify(theirs)}`,
      )
      const kind = ({ status, headers, body }: Answer) => [status, headers['content-type'], Object(body).errorType]
      assert.deepEqual(kind(ours!), kind(theirs))
    })
  }
  for (const { why, ours: expected, theirs: real, ...request } of DIFFERENCES) {
    await t.test(`known to differ: ${name(request)}: ${why}`, async () => {
      const [ours, theirs] = await askBoth(request)
      expected(ours!)
      real(theirs!)
    })
  }
})
