/** Prometheus' own clients on a listener with TLS and passwords, each configured by files that were written for a Prometheus. */
import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { peersMissing, promtool, startPrometheus } from '../support/prometheus3.ts'
import { directoryOf, serve } from '../support/serve.ts'

const skip = await peersMissing()
const CERTIFICATES = join(import.meta.dirname, '../../src/core/http/testdata')

const WEB = `tls_server_config:
  cert_file: server.pem
  key_file: server-key.pem
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [client.test]
  min_version: TLS12
  curve_preferences: [X25519, CurveP256]
http_server_config:
  headers:
    X-Frame-Options: deny
basic_auth_users:
  alice: ${hashSync('one', 5)}
`
const client = (password: string) => `basic_auth: { username: alice, password: ${password} }
tls_config: { ca_file: ca.pem, cert_file: client.pem, key_file: client-key.pem, server_name: server.test }
`
const indented = (text: string) => text.replaceAll(/^(?=.)/gm, '    ')

async function open() {
  await using owned = new AsyncDisposableStack()
  const { path } = owned.use(
    await directoryOf({
      'prometheus.yml': 'global: { scrape_interval: 1s }\n',
      'web.yml': WEB,
      'client.yml': client('one'),
      'wrong.yml': client('two'),
      'no-certificate.yml':
        'basic_auth: { username: alice, password: one }\ntls_config: { ca_file: ca.pem, server_name: server.test }\n',
    }),
  )
  for (const name of ['ca', 'server', 'server-key', 'client', 'client-key'])
    await copyFile(join(CERTIFICATES, `${name}.pem`), join(path, `${name}.pem`))
  const assay = owned.use(
    await serve([
      ...['--config', `${path}/prometheus.yml`, '--data', `${path}/data`, '--listen', '127.0.0.1:0'],
      `--web.config.file=${path}/web.yml`,
    ]),
  )
  const all = owned.move()
  return { path, url: assay.url, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

test(
  'promtool asks over TLS with name, password and certificate, and without one of them it is refused',
  { skip },
  async () => {
    await using it = await open()
    assert.match(it.url, /^https:/)
    const asks = (config: string) =>
      promtool('query', 'instant', `--http.config.file=${it.path}/${config}`, it.url, '1 + 1', '--time=4')
    assert.deepEqual(await asks('client.yml'), { code: 0, stdout: 'scalar: 2 @[4]\n', stderr: '' })
    const wrong = await asks('wrong.yml')
    assert.notEqual(wrong.code, 0)
    assert.match(wrong.stderr, /unauthorized|401/i)
    const none = await asks('no-certificate.yml')
    assert.notEqual(none.code, 0)
    assert.match(none.stderr, /tls|certificate|EOF|reset/i)
    const healthy = await promtool('check', 'healthy', `--http.config.file=${it.path}/client.yml`, `--url=${it.url}`)
    assert.equal(healthy.code, 0, healthy.stderr)
  },
)

test('the same file is what promtool takes for right', { skip }, async () => {
  await using it = await open()
  const { code, stdout, stderr } = await promtool('check', 'web-config', `${it.path}/web.yml`)
  assert.equal(code, 0, `${stdout}${stderr}`)
})

test('a Prometheus scrapes, reads and writes over TLS with a password', { skip }, async () => {
  await using it = await open()
  const { port } = new URL(it.url)
  const here = client('one').replaceAll(/(\w+_file: )/g, `$1${it.path}/`)
  const config = `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: assay
    scheme: https
    static_configs: [{ targets: ['127.0.0.1:${port}'] }]
${indented(here)}
remote_write:
  - url: ${it.url}/api/v1/write
    queue_config: { batch_send_deadline: 200ms }
${indented(here)}
`
  await using prometheus = await startPrometheus({ config })
  await until(async () => {
    const { data } = (await (await fetch(`${prometheus.url}/api/v1/query?query=up`)).json()) as {
      data: { result: { value: [number, string] }[] }
    }
    return data.result[0]?.value[1] === '1'
  })
  await until(async () => {
    const { stdout } = await promtool(
      'query',
      'instant',
      `--http.config.file=${it.path}/client.yml`,
      it.url,
      'up{job="assay"}',
    )
    return stdout.includes('=> 1')
  })
})

/** What waits here is another process, which no clock of ours turns. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 150; i++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it did not hold within 15 s')
}
