/**
 * One `prometheus.yml` whose every way leads through a SOCKS5 proxy (ours, written from the RFCs): a real Prometheus and assay ask
 * that proxy for the same, have the same targets up, and send the server with the tokens the same signed ones.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { type SocksAsked, socksServer } from '../../src/core/http/socks-server.test-support.ts'
import { pem, World } from '../../src/core/http/world.test-support.ts'
import { until } from '../support/demo.ts'
import { peersMissing, startPrometheus } from '../support/prometheus3.ts'
import { directoryOf, serve } from '../support/serve.ts'

const UP = { plain: '1', secure: '1', found: '1', token: '1', signed: '1', direct: '1', lost: '0' }
const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 })
const FILES = { 'key.pem': String(KEY.privateKey.export({ type: 'pkcs8', format: 'pem' })) }

test('assay goes through a SOCKS proxy with all that a configuration names', async () => {
  await using company = await openCompany()
  await using directory = await directoryOf({ ...FILES, 'prometheus.yml': company.config })
  await using assay = await serve(argsFor(directory.path))
  await company.watch(assay.url)
  assert.deepEqual(new Set(company.asked.map(({ who }) => who)), new Set(['me:p@ss']))
})

test('Prometheus and assay ask the proxy for the same', { skip: await peersMissing() }, async () => {
  await using theirs = await openCompany()
  await using prometheus = await startPrometheus({ config: theirs.config, files: FILES })
  await using ours = await openCompany()
  await using directory = await directoryOf({ ...FILES, 'prometheus.yml': ours.config })
  await using assay = await serve(argsFor(directory.path))
  await theirs.watch(prometheus.url)
  await ours.watch(assay.url)
  assert.deepEqual(ours.signed[0], theirs.signed[0])
  assert.deepEqual(Object.keys(ours.signed[0]?.form ?? {}).toSorted(), ['grant_type', 'resource', 'scope'])
  const kinds = (asked: readonly SocksAsked[]) => [...new Set(asked.map((one) => JSON.stringify(one)))].toSorted()
  assert.deepEqual(kinds(ours.asked), kinds(theirs.asked))
})

/** Who is asked in this test, under names that only the proxy knows; and the configuration that names them. */
async function openCompany() {
  await using owned = new AsyncDisposableStack()
  const world = owned.use(new World())
  const asked: SocksAsked[] = []
  let written = 0
  const page: RequestListener = ({ headers }, response) => {
    response
      .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
      .end(`asked{by="${headers.authorization}"} 1\n`)
  }
  const target = await world.http(page)
  const secure = await world.https(page)
  const signed: Signed[] = []
  const tokens = await world.http(async (request, response) => {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
    if (form.has('assertion')) signed.push(verified(form))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"t","expires_in":3600}')
  })
  const list = await world.http((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('[{"targets":["found.example:9100"]}]')
  })
  const receiver = await world.http((request, response) => {
    written++
    request.resume().on('end', () => response.writeHead(204).end())
  })
  const host = (url: string) => new URL(url).host
  const at = await socksServer(world, asked, {
    password: 'p@ss',
    places: {
      'plain.example:80': host(target),
      'found.example:9100': host(target),
      'token.example:80': host(target),
      'server.test:443': host(secure),
      'id.example:80': host(tokens),
      'list.example:80': host(list),
      'write.example:80': host(receiver),
      // Nothing listens there.
      'lost.example:80': '127.0.0.1:1',
    },
  })
  const proxy = `proxy_url: 'socks5://me:p%40ss@${at}'`
  const config = `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: plain
    ${proxy}
    static_configs: [{ targets: ['plain.example:80'] }]
  - job_name: secure
    scheme: https
    proxy_url: 'socks5h://me:p%40ss@${at}'
    tls_config: { ca_file: '${pem('ca')}' }
    static_configs: [{ targets: ['server.test:443'] }]
  - job_name: found
    ${proxy}
    http_sd_configs: [{ url: 'http://list.example/', ${proxy} }]
  - job_name: token
    ${proxy}
    oauth2: { client_id: a, client_secret: b, token_url: 'http://id.example/token', ${proxy} }
    static_configs: [{ targets: ['token.example:80'] }]
  - job_name: signed
    ${proxy}
    oauth2:
      client_id: a
      grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer
      client_certificate_key_file: key.pem
      client_certificate_key_id: k
      signature_algorithm: RS384
      iss: issuer
      claims: { tier: gold, level: 3, share: 0.5, known: true, groups: [x, z], '<&>': "\\u2028" }
      scopes: [b, c]
      endpoint_params: { resource: r }
      token_url: http://id.example/signed
      ${proxy}
    static_configs: [{ targets: ['token.example:80'] }]
  - job_name: direct
    ${proxy}
    no_proxy: 127.0.0.0/8
    static_configs: [{ targets: ['${host(target)}'] }]
  - job_name: lost
    ${proxy}
    static_configs: [{ targets: ['lost.example:80'] }]
remote_write: [{ url: 'http://write.example/api/v1/write', ${proxy}, queue_config: { batch_send_deadline: 100ms } }]
`
  const disposal = owned.move()
  return {
    config,
    asked,
    signed,
    /** Waits until those that can be asked are up, the one that cannot is not, a token was used and something was written. */
    async watch(url: string): Promise<void> {
      let seen = {}
      await until(
        async () => {
          seen = Object.fromEntries((await ask(url, 'up')).map(({ metric, value }) => [metric.job ?? '', value[1]]))
          const bearers = await ask(url, 'asked{by="Bearer t"}')
          return written > 0 && isDeepStrictEqual(seen, UP) && bearers.length === 2
        },
        { what: () => `${url} has asked all: ${JSON.stringify(seen)}, ${written} written`, withinMs: 30_000 },
      )
    },
    [Symbol.asyncDispose]: () => disposal[Symbol.asyncDispose](),
  }
}

type Signed = { readonly head: object; readonly claims: object; readonly form: object }

/** What a signed token says, without what differs from one to the next. Throws where the signature is not of our key. */
function verified(form: URLSearchParams): Signed {
  const { assertion = '', ...others } = Object.fromEntries(form)
  const [head = '', claims = '', signature = ''] = assertion.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  assert.ok(verify('RSA-SHA384', Buffer.from(`${head}.${claims}`), KEY.publicKey, bytes))
  const { jti, iat, exp, ...stays } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  assert.match(jti, /^[0-9a-f-]{36}$/)
  assert.ok(Number.isInteger(iat) && Math.abs(Date.now() / 1000 - iat) < 60)
  return {
    head: JSON.parse(Buffer.from(head, 'base64url').toString()),
    claims: { ...stays, lifeSeconds: exp - iat },
    form: others,
  }
}

type Sample = { readonly metric: Record<string, string>; readonly value: readonly [number, string] }

async function ask(url: string, query: string): Promise<readonly Sample[]> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)
  const { data } = (await answer.json()) as { data: { result: Sample[] } }
  return data.result
}

function argsFor(directory: string): readonly string[] {
  return ['--config', join(directory, 'prometheus.yml'), '--data', join(directory, 'data'), '--listen', '127.0.0.1:0']
}
