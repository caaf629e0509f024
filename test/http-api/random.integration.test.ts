/**
 * Any question over HTTP: a real Prometheus and assay agree in status, in the kind of a refusal, and in the answer, whatever the
 * parameters. More of them: `ASSAY_HTTP_REQUESTS=5000`, from another one on: `ASSAY_HTTP_SEED=7`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peersMissing } from '../support/prometheus3.ts'
import { type Answer, ask, openBoth } from './both.ts'
import { randomRequest } from './random-requests.ts'
import type { Request } from './requests.ts'

const COUNT = Number(process.env['ASSAY_HTTP_REQUESTS'] ?? 400)
const SEED = Number(process.env['ASSAY_HTTP_SEED'] ?? 1)

/** Where assay means to differ: `docs/reference/http-api.md`. */
const KNOWN: readonly {
  readonly why: string
  readonly is: (ours: Answer, theirs: Answer, request: Request) => boolean
}[] = [
  {
    why: 'an end before the start is a mistake here, and whatever the head holds there',
    is: ({ status, body }, { status: real }, { path }) =>
      /^\/api\/v1\/(?:series|label)/.test(path) &&
      status === 400 &&
      real === 200 &&
      /end timestamp must not be before start time/.test(Object(body).error),
  },
  {
    why: 'it goes through its targets in no order',
    is: (ours, theirs, { path }) =>
      path.startsWith('/api/v1/targets/metadata') &&
      ours.status === 200 &&
      isSame({ ...ours, body: sorted(ours) }, { ...theirs, body: sorted(theirs) }),
  },
  {
    why: 'what lies within a span is told by sample here, and by block there',
    is: ({ status, body }, theirs, { path, body: form = '' }) =>
      /^\/api\/v1\/(?:series|label)/.test(path) &&
      /(?:start|end)=/.test(path + form) &&
      status === 200 &&
      listOf(body).every((one) => listOf(theirs.body).includes(one)),
  },
  {
    why: 'of values that are limited, the first in their order are told here, and any there',
    is: (ours, theirs, { path }) =>
      /\/values\?.*limit=/.test(path) &&
      ours.status === 200 &&
      Object(ours.body).warnings?.length === 1 &&
      listOf(ours.body).length === listOf(theirs.body).length,
  },
  {
    why: 'which families are left out by a limit is left to chance there',
    is: ({ body }, theirs, { path }) =>
      /^\/api\/v1\/metadata\?.*limit=/.test(path) &&
      Object.keys(Object(body).data ?? {}).length === Object.keys(Object(theirs.body).data ?? {}).length,
  },
  {
    why: 'the peak of samples is counted where they are held, and questions without series hold none here',
    is: (ours, theirs, { path, body = '' }) =>
      (path + body).includes('stats=true') && isSame(withoutPeak(ours), withoutPeak(theirs)),
  },
]

function listOf(body: unknown): readonly string[] {
  const list = Object(body).data
  return Array.isArray(list) ? list.map((one) => JSON.stringify(one)) : []
}

function withoutPeak(answer: Answer): Answer {
  return { ...answer, body: JSON.parse(JSON.stringify(answer.body).replace(/"peakSamples":\d+/, '"peakSamples":0')) }
}

function sorted({ body }: Answer): unknown {
  const list = Object(body).data
  return Array.isArray(list) ? list.map((one) => JSON.stringify(one)).toSorted() : list
}

test('a real Prometheus and assay agree on what nobody would ask', { skip: await peersMissing() }, async () => {
  await using both = await openBoth()
  const found: string[] = []
  const statuses = new Map<number, number>()
  for (let seed = SEED; seed < SEED + COUNT; seed++) {
    const request = randomRequest(seed)
    const [ours, theirs] = (await Promise.all(both.urls.map((url) => ask(url, request, both.at)))) as [Answer, Answer]
    statuses.set(theirs.status, (statuses.get(theirs.status) ?? 0) + 1)
    if (isSame(ours, theirs) || KNOWN.some(({ is }) => is(ours, theirs, request))) continue
    found.push(`seed ${seed}: ${JSON.stringify(request)}\n  ours:   ${shown(ours)}\n  theirs: ${shown(theirs)}`)
  }
  assert.ok(
    (statuses.get(200) ?? 0) > COUNT / 10 && (statuses.get(400) ?? 0) > COUNT / 10,
    JSON.stringify([...statuses]),
  )
  assert.equal(found.length, 0, `${found.length} of ${COUNT} differ:\n${found.slice(0, 20).join('\n')}`)
})

/** The words of a refusal are ours. */
function isSame(ours: Answer, theirs: Answer): boolean {
  const kind = ({ status, headers, body }: Answer) => [status, headers['content-type'], Object(body).errorType]
  try {
    if (theirs.status >= 400) assert.deepEqual(kind(ours), kind(theirs))
    else assert.deepEqual(ours, theirs)
    return true
  } catch {
    return false
  }
}

function shown({ status, body }: Answer): string {
  return `${status} ${JSON.stringify(body)}`.slice(0, 400)
}
