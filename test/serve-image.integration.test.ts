/**
 * `assay serve` from its start-up image: that it is used, and serves as the files do.
 *
 * Most tests that start `bin/assay` with a Prometheus configuration run from the image as well; here is what could go wrong in it alone:
 * packages and modules that are loaded later, threads, and what it hands back to the command.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { compressSync } from 'snappy'
import { directoryOf, refused, serve } from './support/serve.ts'

const built = spawnSync(process.execPath, ['--conditions=assay-src', 'scripts/build-server.ts'], { encoding: 'utf8' })
assert.equal(built.status, 0, built.stderr)

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const { path } = stack.use(
  await directoryOf({
    'prometheus.yml': 'scrape_configs: []\n',
    'web.yml': 'http_server_config: { http2: false }\n',
    'assay.config.ts':
      "import { api, defineSystem } from 'assay'\nexport default defineSystem({ name: 'x', parts: { crm: api({ targets: ['127.0.0.1:1'] }) } })\n",
  }),
)
const args = (config: string, data: string) => [
  ...['--config', `${path}/${config}`, '--data', `${path}/${data}`, '--listen', '127.0.0.1:0'],
]
/** Whether the process was started from the image. */
const isOfImage = async (pid: number) => (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('--snapshot-blob')

test('a Prometheus configuration is served from the image: questions, threads, packages that come later', async () => {
  await using served = await serve([...args('prometheus.yml', 'one'), '--query-threads', '1'])
  assert.equal(await isOfImage(served.child.pid!), true)
  // A whole second, as steps are.
  const now = Math.floor(Date.now() / 1000) * 1000
  const gauge = { dataPoints: [{ asDouble: 1, timeUnixNano: `${now}000000` }] }
  const written = await fetch(`${served.url}/api/v1/otlp/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge }] }] }] }),
  })
  assert.equal(written.status, 200, await written.text())
  const ask = async (query: string) => {
    const answer = await fetch(`${served.url}/api/v1/query?${new URLSearchParams({ query, time: `${now / 1000}` })}`)
    const { data } = (await answer.json()) as { data: { result: readonly { readonly value: unknown }[] } }
    return data.result.map(({ value }) => value)
  }
  assert.deepEqual(await ask('m + 1'), [[now / 1000, '2']])
  // A quarter of a million steps: nothing for the first thread.
  assert.deepEqual(await ask('sum_over_time(m[3d:1s])'), [[now / 1000, '1']])
  const metrics = await (await fetch(`${served.url}/metrics`)).text()
  assert.match(metrics, /^assay_query_evaluations_total\{place="thread"\} 1$/m)
  // The package behind it is loaded with the first question, by the process and not by the image.
  const read = await fetch(`${served.url}/api/v1/read`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: new Uint8Array(compressSync(Buffer.alloc(0))),
  })
  assert.equal(read.status, 200, await read.text())
  assert.equal(await served.stop(), 0)
})

test('what the image does not serve is handed to the command: definitions, and flags that are wrong', async () => {
  {
    const more = ['--web-config', `${path}/web.yml`]
    await using served = await serve([...args('assay.config.ts', 'two'), ...more])
    assert.equal(await isOfImage(served.child.pid!), true)
    assert.equal((await fetch(`${served.url}/-/ready`)).status, 200)
    assert.equal(await served.stop(), 0)
  }
  const { code, output } = await refused([...args('prometheus.yml', 'three'), '--no-such-flag'])
  assert.equal(code, 2)
  assert.match(output, /^assay serve: .*no-such-flag/)
})

test('an image that is torn, or of another Node, is not used: the files serve', async () => {
  const home = process.cwd()
  for (const spoil of [
    (blob: string) => truncate(blob, 1000),
    (blob: string) => writeFile(blob.replace(/blob$/, 'node'), '1.2.3 4\n'),
    (blob: string) => rm(blob),
  ]) {
    await using made = await directoryOf({ 'prometheus.yml': 'scrape_configs: []\n' })
    for (const name of ['node_modules', 'src', 'package.json', 'package-lock.json'])
      await symlink(join(home, name), join(made.path, name))
    await cp(join(home, 'bin'), join(made.path, 'bin'), { recursive: true })
    const bundle = join(made.path, '.cache/serve')
    await cp(join(home, '.cache/serve'), bundle, { recursive: true, preserveTimestamps: true })
    await spoil(join(bundle, 'image.blob'))
    const flags = ['--config', join(made.path, 'prometheus.yml'), '--data', join(made.path, 'data')]
    await using served = await serve([...flags, '--listen', '127.0.0.1:0'], {}, join(made.path, 'bin/assay'))
    assert.equal(await isOfImage(served.child.pid!), false)
    assert.equal((await fetch(`${served.url}/-/ready`)).status, 200)
    assert.equal(await served.stop(), 0)
  }
})
