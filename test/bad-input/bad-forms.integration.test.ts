/** Bodies and addresses of questions that are too long, cut, packed, or of bytes that mean nothing, over a running server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { Labels, unixMs } from '#core'
import { NOW } from '../../src/server/server.test-support.ts'
import { openBadWorld, whileHealthy } from './bad-world.ts'

const FORM = 'application/x-www-form-urlencoded'
const AT = NOW / 1000

type Case = {
  readonly why: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
  readonly says?: RegExp
}

const question = `query=m&time=${AT}`
const part = (name: string, value: string) =>
  `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const MULTIPART = { 'content-type': 'multipart/form-data; boundary=b' }

const CASES: readonly Case[] = [
  { why: 'a form', body: question, status: 200 },
  { why: 'a form with a charset', body: question, headers: { 'content-type': `${FORM}; charset=utf-8` }, status: 200 },
  {
    why: 'a form that says it is not packed',
    body: question,
    headers: { 'content-encoding': 'identity' },
    status: 200,
  },
  { why: 'U+FFFD that somebody wrote', body: `${question}&x=%EF%BF%BD`, status: 200 },
  { why: 'and unescaped', body: Buffer.from(`${question}&x=\ufffd`), status: 200 },
  ...(
    [
      ['gzip', gzipSync(question)],
      ['zstd', zstdCompressSync(question)],
      ['deflate', deflateSync(question)],
      ['gzip', gzipSync(Buffer.alloc(500_000_000, 'a'))],
      ['zstd', zstdCompressSync(Buffer.alloc(500_000_000, 'a'))],
    ] as const
  ).map(([encoding, body]) => ({
    why: `a form of ${body.length} bytes packed by ${encoding}`,
    body,
    headers: { 'content-encoding': encoding },
    status: 400,
    says: /came packed \(Content-Encoding: "\w+"\), .*; send it as it is/,
  })),
  {
    why: 'bytes that are no UTF-8',
    body: Buffer.from([...Buffer.from(question), 0x26, 0xff, 0xfe]),
    status: 400,
    says: /no UTF-8; send/,
  },
  { why: 'the same, escaped', body: `${question}&x=%ff%fe`, status: 400, says: /no UTF-8; send/ },
  { why: 'half of a character', body: 'query=%C3', status: 400, says: /no UTF-8; send/ },
  { why: 'one half of a surrogate pair', body: 'query=%ED%A0%80', status: 400, says: /no UTF-8; send/ },
  { why: 'a NUL', body: `query=m%00&time=${AT}`, status: 400, says: /1:2: unexpected character: '.'; put names/s },
  { why: 'a NUL in a label', body: `query=m{a="%00"}&time=${AT}`, status: 200 },
  { why: 'escapes that are none', body: `${question}&x=%zz%1`, status: 200 },
  { why: 'nothing', body: '', status: 400, says: /invalid parameter "query"/ },
  { why: 'separators alone', body: '&'.repeat(9000), status: 400, says: /invalid parameter "query"/ },
  {
    why: 'ten million separators',
    body: '&'.repeat(10_000_000),
    status: 400,
    says: /more than 10,000 parameters; write one expression/,
  },
  {
    why: 'a million parameters',
    body: Array.from({ length: 1_000_000 }, (_, i) => `p${i}=`).join('&'),
    status: 400,
    says: /more than 10,000 parameters/,
  },
  {
    why: 'more than ten megabytes',
    body: `query=${'m'.repeat(11 * 2 ** 20)}`,
    status: 413,
    says: /larger than this path takes/,
  },
  {
    why: 'a form in parts',
    body: `${part('query', 'm')}${part('time', String(AT))}--b--\r\n`,
    headers: MULTIPART,
    status: 200,
  },
  {
    why: 'one without its end',
    body: part('query', 'm'),
    headers: MULTIPART,
    status: 400,
    says: /error parsing form values/,
  },
  {
    why: 'one without a boundary',
    body: part('query', 'm'),
    headers: { 'content-type': 'multipart/form-data' },
    status: 400,
    says: /error parsing form values/,
  },
  {
    why: 'one of a hundred thousand parts',
    body: `${part('a', 'b').repeat(100_000)}--b--\r\n`,
    headers: MULTIPART,
    status: 400,
    says: /more than 10,000 parameters/,
  },
  {
    why: 'JSON, which is not looked at',
    body: '{"query":"m"}',
    headers: { 'content-type': 'application/json' },
    status: 400,
    says: /invalid parameter "query"/,
  },
  { why: 'a type that is none', body: question, headers: { 'content-type': 'x' }, status: 415 },
]

test('a form is read, or refused with what to send instead', async (t) => {
  await using world = await openBadWorld()
  using batch = world.db.appender()
  batch.append(undefined, Labels.of({ __name__: 'm' }), unixMs(NOW - 1000), 1)
  batch.commit()
  const before = process.resourceUsage().maxRSS
  for (const { why, body, headers = {}, status, says = /./ } of CASES) {
    await t.test(why, async () => {
      const init = {
        method: 'POST',
        headers: { 'content-type': FORM, ...headers },
        body: typeof body === 'string' ? body : new Uint8Array(body),
      }
      const answer = await whileHealthy(world, () => world.get('/api/v1/query', init))
      assert.equal(answer.status, status, answer.text.slice(0, 300))
      if (status === 200) assert.equal(answer.json.status, 'success')
      else assert.match(answer.json.error, says)
    })
  }
  // Two bodies of 500 MB were packed in here, and none was unpacked.
  assert.ok(process.resourceUsage().maxRSS - before < 400_000, `${process.resourceUsage().maxRSS - before} KB more`)
})

test('an address of many parameters is refused, and one with other bytes too', async () => {
  await using world = await openBadWorld()
  for (const [query, says] of [
    ['&'.repeat(20_000), /more than 10,000 parameters/],
    ['query=%ff', /no UTF-8; send/],
  ] as const) {
    const { status, json } = await world.get(`/api/v1/query?${query}`)
    assert.equal(status, 400)
    assert.match(json.error, says)
  }
})

test('thousands of selectors are answered while others are, and end with their caller', async () => {
  await using world = await openBadWorld()
  using batch = world.db.appender()
  for (let i = 0; i < 20_000; i++)
    batch.append(undefined, Labels.of({ __name__: 'm', i: String(i) }), unixMs(NOW - 1000), i)
  batch.commit()
  const selectors = Array.from({ length: 5000 }, (_, i) => `m{i=~".*${i}"}`)
  const form = (path: string) => ({
    method: 'POST',
    body: new URLSearchParams(selectors.map((one) => ['match[]', one])),
    path,
  })
  for (const path of ['series', 'labels']) {
    const gone = new AbortController()
    const asked = world.get(`/api/v1/${path}`, { ...form(path), signal: gone.signal })
    asked.catch(() => undefined)
    await whileHealthy(world, async () => {
      while (!/^assay_queries_running 1$/m.test((await world.get('/metrics')).text)) await world.get('/-/healthy')
      gone.abort()
      await assert.rejects(asked, { name: 'AbortError' })
      while (!/^assay_queries_running 0$/m.test((await world.get('/metrics')).text)) await world.get('/-/healthy')
    })
  }
  const twice = new URLSearchParams(Array.from({ length: 9000 }, () => ['match[]', 'm{i="7"}']))
  const { json } = await whileHealthy(world, () => world.get('/api/v1/series', { method: 'POST', body: twice }))
  assert.deepEqual(json.data, [{ __name__: 'm', i: '7' }])
})

for (const path of ['series', 'labels', 'label/i/values', '../../federate'])
  test(`a selector that is too long, or explodes elsewhere, is refused or answered at once by ${path}`, async () => {
    await using world = await openBadWorld()
    using batch = world.db.appender()
    batch.append(undefined, Labels.of({ __name__: 'm', i: 'a'.repeat(500) }), unixMs(NOW - 1000), 1)
    batch.commit()
    const posts = path === 'series' || path === 'labels'
    const ask = (selector: string) => {
      const params = new URLSearchParams({ 'match[]': selector })
      return whileHealthy(world, () =>
        posts ? world.get(`/api/v1/${path}`, { method: 'POST', body: params }) : world.get(`/api/v1/${path}?${params}`),
      )
    }
    for (const regex of ['(a+)+$', '(a|aa)+!', '(.*)*(.*)*z']) assert.equal((await ask(`m{i=~"${regex}"}`)).status, 200)
    const long = posts ? [`m{i="${'x'.repeat(2 ** 20)}"}`] : []
    for (const bad of [...long, `${'('.repeat(10_000)}m`, 'm{i=~"((a{1000}){1000}){1000}"}']) {
      const { status, text } = await ask(bad)
      assert.equal(status, 400, text.slice(0, 200))
      assert.match(text, /\d+:\d+: .*; (?:write|split) /s)
    }
  })
