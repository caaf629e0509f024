/** `admin/tsdb/*`, held against a real Prometheus: the same is answered, and the same is left. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { Labels, matcher, silentLog, systemClock, unixMs } from '#core'
import { openTsdb } from '#tsdb'
import { ask } from './http-api/both.ts'
import type { Request } from './http-api/requests.ts'
import { encodeWrite } from './http-api/write.ts'
import { peersMissing, startPrometheus } from './support/prometheus3.ts'
import { directoryOf, serve } from './support/serve.ts'

const AT = Math.floor(Date.now() / 60_000) * 60 - 3000

async function write(url: string, names: readonly string[], from: number): Promise<void> {
  const series = names.map((i) => ({ labels: Labels.of({ __name__: 'm', i }), samples: [1, 2, 3, 4, 5, 6] }))
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: new Uint8Array(compressSync(encodeWrite(series, from * 1000))),
  })
  assert.ok(response.ok, `${url}: ${response.status} ${await response.text()}`)
}

const admin = (path: string, method: 'POST' | 'PUT' = 'POST'): Request => ({
  path: `/api/v1/admin/tsdb/${path}`,
  method,
})
const raw: Request = { path: `/api/v1/query?query=m[2h]&time=${AT + 600}` }

const STEPS: readonly Request[] = [
  admin('delete_series'),
  admin('delete_series?match[]=up{'),
  admin('delete_series?match[]=m&start=x'),
  admin('delete_series?match[]=m&end=x'),
  admin('delete_series?match[]=m&start=5&end=2'),
  admin('snapshot?skip_head=x'),
  { path: '/api/v1/admin/tsdb/snapshot' },
  raw,
  admin(`delete_series?match[]=m{i="a"}&start=${AT + 14.5}&end=${AT + 15}`),
  raw,
  admin('delete_series?match[]=m{i=~"b|x"}&match[]=nothing', 'PUT'),
  raw,
  {
    ...admin('delete_series'),
    body: 'match[]=m{i="c"}&start=0',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  },
  raw,
  admin('clean_tombstones', 'PUT'),
  raw,
]

test(
  'deleting, cleaning and copying answer as in a real Prometheus, and leave the same',
  { skip: await peersMissing() },
  async () => {
    await using prometheus = await startPrometheus({ args: ['--web.enable-admin-api'] })
    await using directory = await directoryOf({ 'prometheus.yml': '' })
    const data = join(directory.path, 'data')
    const args = ['--config', `${directory.path}/prometheus.yml`, '--data', data, '--listen', '127.0.0.1:0']
    await using assay = await serve([...args, '--web.enable-admin-api'])
    const urls = [assay.url, prometheus.url]
    for (const url of urls) await write(url, ['a', 'b', 'c', 'd'], AT)
    for (const request of STEPS) {
      const [ours, theirs] = await Promise.all(urls.map((url) => ask(url, request, AT)))
      const kind = ({ status, body }: NonNullable<typeof ours>) =>
        status < 400 ? [status, body] : [status, Object(body).errorType]
      assert.deepEqual(kind(ours!), kind(theirs!), `${request.method} ${request.path}`)
    }

    // Prometheus goes on listing a series of the head of which nothing is left.
    const values = await ask(assay.url, { path: '/api/v1/label/i/values' }, AT)
    assert.deepEqual(Object(values.body).data, ['a', 'd'])

    const { body, status } = await ask(assay.url, admin('snapshot'), AT)
    assert.equal(status, 200)
    const { name } = Object(body).data
    assert.match(name, /^\d{8}T\d{6}Z-[0-9a-f]{16}$/)
    assert.deepEqual(await readdir(join(data, 'snapshots')), [name])
    await using copy = await openTsdb({ dir: join(data, 'snapshots', name), clock: systemClock, log: silentLog })
    using querier = copy.querier(unixMs(0), unixMs(AT * 1000 + 1e6))
    const found = querier.select([matcher('__name__', '=', 'm')])
    assert.deepEqual(
      found.map((one) => [one.labels.get('i'), one.samples().count]),
      [
        ['a', 5],
        ['d', 6],
      ],
    )

    const foreign = await fetch(`${assay.url}/api/v1/admin/tsdb/delete_series?match[]=m`, {
      method: 'POST',
      headers: { origin: 'http://elsewhere.example' },
    })
    assert.equal(foreign.status, 403, 'a page of another origin may not delete')
  },
)
