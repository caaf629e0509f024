/** Tokens of OAuth 2.0 from servers on this machine that look at what they are sent. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createHttpClient } from './client.ts'
import type { HttpClientConfig, JwtGrant, OAuth2Config } from './config.ts'
import { ask, never, World } from './world.test-support.ts'

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
const pairOf = (modulusLength: number): Pair => generateKeyPairSync('rsa', { modulusLength })
const [ONE, OTHER] = [pairOf(1024), pairOf(1024)]
const pemOf = ({ privateKey }: Pair) => String(privateKey.export({ type: 'pkcs8', format: 'pem' }))

test('a token of OAuth 2.0 is fetched once, kept until it ends, and asked for in either way', async () => {
  await using world = new World()
  const asked: string[] = []
  let inBodyOnly = false
  const tokenUrl = await world.http(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    asked.push(`${request.headers.authorization ?? '-'} ${body}`)
    if (inBodyOnly && request.headers.authorization !== undefined)
      return void response.writeHead(401).end('{"error":"hush"}')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: `t${asked.length}`, token_type: 'bearer', expires_in: 60 }))
  })
  const url = await world.http(({ headers }, response) => response.end(headers.authorization))
  const oauth2 = { clientId: 'me', clientSecret: 's', tokenUrl, scopes: ['a', 'b'], endpointParams: { audience: 'x' } }
  let now = 0
  using client = createHttpClient({ oauth2 }, { monotonicMs: () => now })
  const answer = async () => Buffer.concat(await (await client.request({ url }, never)).message.toArray()).toString()
  assert.deepEqual(await Promise.all([answer(), answer()]), ['Bearer t1', 'Bearer t1'])
  now = 49_000
  assert.equal(await answer(), 'Bearer t1')
  now = 51_000
  assert.equal(await answer(), 'Bearer t2')
  const pair = Buffer.from('me:s').toString('base64')
  assert.equal(asked[0], `Basic ${pair} grant_type=client_credentials&scope=a+b&audience=x`)
  inBodyOnly = true
  assert.equal(await ask(url, { oauth2 }), '200 Bearer t4')
  assert.match(asked[3] ?? '', /^- .*client_id=me&client_secret=s$/)
  const wrong = await world.http((_, response) => response.writeHead(403).end('the secret is s'))
  await assert.rejects(ask(url, { oauth2: { ...oauth2, tokenUrl: wrong } }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ASSAY_HTTP_OAUTH2')
    assert.match(error.message, /answers 403; check client_id/)
    assert.doesNotMatch(error.message, /the secret/)
    return true
  })
})

test('the server with the tokens is told who asks, and may answer as servers older than the standard do', async () => {
  await using world = new World()
  const answers: readonly (readonly [type: string, body: string, bearer: string])[] = [
    ['application/x-www-form-urlencoded', 'access_token=a%20b&expires_in=60', 'Bearer a b'],
    ['text/plain', 'access_token=c&token_type=MAC', 'MAC c'],
    ['text/plain', '{"access_token":"d"}', 'Bearer d'],
    ['application/json', '{"access_token":"e","expires_in":"60"}', 'Bearer e'],
  ]
  for (const [type, body, bearer] of answers) {
    const agents: (string | undefined)[] = []
    const tokenUrl = await world.http(({ headers }, response) => {
      agents.push(headers['user-agent'])
      response.writeHead(201, { 'content-type': type }).end(body)
    })
    const url = await world.http(({ headers }, response) => response.end(headers.authorization))
    using client = createHttpClient({ oauth2: { clientId: 'me', clientSecret: 's', tokenUrl } })
    const { message } = await client.request({ url, headers: { 'user-agent': 'assay/1' } }, never)
    assert.equal(String(Buffer.concat(await message.toArray())), bearer)
    assert.deepEqual(agents, ['assay/1'])
  }
})

test('a parameter that would say again what is sent anyway is refused; the name of the grant may be another', async () => {
  await using world = new World()
  const bodies: string[] = []
  const tokenUrl = await world.http(async (request, response) => {
    bodies.push(Buffer.concat(await request.toArray()).toString())
    response.end('{"access_token":"t"}')
  })
  const url = await world.http((_, response) => response.end())
  const oauth2 = { clientId: 'me', clientSecret: 's', tokenUrl, scopes: ['a'] }
  await assert.rejects(ask(url, { oauth2: { ...oauth2, endpointParams: { scope: 'b' } } }), {
    code: 'ASSAY_HTTP_OAUTH2',
    message: /endpoint_params\.scope says again what is sent anyway; remove it/,
  })
  assert.deepEqual(bodies, [])
  await ask(url, { oauth2: { ...oauth2, endpointParams: { grant_type: 'password', username: 'u' } } })
  assert.deepEqual(bodies, ['grant_type=password&scope=a&username=u'])
})

/** A server that gives a token for a signed one, and refuses every other. */
class SignedTokens {
  readonly heads: Record<string, unknown>[] = []
  readonly claims: Record<string, unknown>[] = []
  readonly forms: Record<string, string>[] = []
  /** Whose signature counts. */
  trusted: Pair = ONE

  async listen(world: World): Promise<string> {
    return await world.http(async (request, response) => {
      const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
      const { assertion = '', ...others } = Object.fromEntries(form)
      const [head = '', claims = '', signature = ''] = assertion.split('.')
      const { alg, ...rest } = JSON.parse(Buffer.from(head, 'base64url').toString())
      const bytes = Buffer.from(signature, 'base64url')
      if (!verify(`RSA-SHA${String(alg).slice(2)}`, Buffer.from(`${head}.${claims}`), this.trusted.publicKey, bytes))
        return void response.writeHead(401).end(`{"error":"no ${assertion}"}`)
      this.heads.push({ alg, ...rest })
      this.claims.push(JSON.parse(Buffer.from(claims, 'base64url').toString()))
      this.forms.push({ ...others, authorization: request.headers.authorization ?? 'none' })
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ access_token: `t${this.forms.length}`, expires_in: 3600 }))
    })
  }
}

test('a signed token is exchanged for one of access, with the header and the claims that Prometheus sends', async () => {
  await using world = new World()
  const server = new SignedTokens()
  const tokenUrl = await server.listen(world)
  const url = await world.http(({ headers }, response) => response.end(headers.authorization))
  const withJwt = (jwt: JwtGrant, more: Partial<OAuth2Config> = {}): HttpClientConfig => ({
    oauth2: { clientId: 'me', tokenUrl, jwt, ...more } as OAuth2Config,
  })
  const wallMs = () => 1_700_000_000_999
  assert.equal(await ask(url, withJwt({ key: pemOf(ONE) }), { wallMs }), '200 Bearer t1')
  const { jti, ...claims } = server.claims[0]!
  assert.match(String(jti), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.deepEqual(claims, { iss: 'me', sub: 'me', aud: tokenUrl, iat: 1_700_000_000, exp: 1_700_000_600 })
  assert.deepEqual(server.heads[0], { alg: 'RS256', typ: 'JWT' })
  const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  assert.deepEqual(server.forms[0], { grant_type, authorization: 'none' })

  const full: JwtGrant = {
    key: pemOf(ONE),
    keyId: 'k1',
    algorithm: 'RS384',
    issuer: 'issuer',
    audience: 'audience',
    claims: { sub: 'someone', 'urn:x': { deep: [1, true, null] } },
  }
  const more = { scopes: ['a', 'b'], endpointParams: { resource: 'r' } }
  assert.equal(await ask(url, withJwt(full, more), { wallMs }), '200 Bearer t2')
  const { jti: second, ...fullClaims } = server.claims[1]!
  assert.notEqual(second, jti, 'each is good for one request')
  assert.deepEqual(fullClaims, {
    iss: 'issuer',
    sub: 'someone',
    aud: 'audience',
    iat: 1_700_000_000,
    exp: 1_700_000_600,
    scope: 'a b',
    'urn:x': { deep: [1, true, null] },
  })
  assert.deepEqual(server.heads[1], { alg: 'RS384', typ: 'JWT', kid: 'k1' })
  assert.deepEqual(server.forms[1], { grant_type, scope: 'a b', resource: 'r', authorization: 'none' })
})

test('a key in a file is read anew; while it stays the same, its token is kept', async () => {
  await using world = new World()
  const server = new SignedTokens()
  const tokenUrl = await server.listen(world)
  const url = await world.http(({ headers }, response) => response.end(headers.authorization))
  const file = join(world.dir, 'key.pem')
  writeFileSync(file, `\n${pemOf(ONE)}\n`)
  using client = createHttpClient({ oauth2: { clientId: 'me', tokenUrl, jwt: { key: { file } } } })
  const answer = async () => String(Buffer.concat(await (await client.request({ url }, never)).message.toArray()))
  assert.deepEqual([await answer(), await answer()], ['Bearer t1', 'Bearer t1'])
  server.trusted = OTHER
  writeFileSync(file, pemOf(OTHER))
  assert.equal(await answer(), 'Bearer t2')
})

test('a key that is none, or that the server does not know, is told without showing it', async () => {
  await using world = new World()
  const server = new SignedTokens()
  const tokenUrl = await server.listen(world)
  const short = pairOf(512)
  const cases: readonly (readonly [jwt: JwtGrant, says: RegExp])[] = [
    [{ key: '' }, /is not asked: client_certificate_key is no private RSA key; give it as PEM, without a passphrase$/],
    [{ key: 'c2VjcmV0' }, /is no private RSA key/],
    [{ key: pemOf(short), algorithm: 'RS512' }, /is not asked: client_certificate_key is too short for RS512$/],
    [{ key: pemOf(OTHER) }, /answers 401; check client_id, client_certificate_key, audience, claims and scopes$/],
  ]
  for (const [jwt, says] of cases)
    await assert.rejects(ask('http://127.0.0.1:1/', { oauth2: { clientId: 'me', tokenUrl, jwt } }), (error: Error) => {
      assert.equal((error as { code?: string }).code, 'ASSAY_HTTP_OAUTH2')
      assert.match(error.message, says)
      assert.doesNotMatch(`${error.message}${error.cause}`, /c2Vj|MII|eyJ/)
      return true
    })
})
