import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDirect, proxyFor } from './proxy.ts'

const deps = { resolve: String, environment: {} }
const via = (url: string, config: Parameters<typeof proxyFor>[1], environment: Record<string, string> = {}) =>
  proxyFor(new URL(url), config, { ...deps, environment })?.href

test('a list of exceptions is read as Go reads it', () => {
  const cases: readonly (readonly [exceptions: string, url: string, direct: boolean])[] = [
    ['example.org', 'http://example.org/', true],
    ['example.org', 'http://a.example.org/', true],
    ['example.org', 'http://badexample.org/', false],
    ['.example.org', 'http://example.org/', false],
    ['.example.org', 'http://a.example.org/', true],
    ['*.example.org', 'http://a.example.org/', true],
    ['example.org:8080', 'http://example.org/', false],
    ['example.org:8080', 'http://example.org:8080/', true],
    ['example.org:443', 'https://example.org/', true],
    ['EXAMPLE.org', 'http://example.ORG/', true],
    ['10.0.0.0/8', 'http://10.1.2.3/', true],
    ['10.0.0.0/8', 'http://11.1.2.3/', false],
    ['10.0.0.0/8', 'http://ten.example/', false],
    ['10.1.2.3', 'http://10.1.2.3:9100/', true],
    ['10.1.2.3:9100', 'http://10.1.2.3:9200/', false],
    ['fd00::/8', 'http://[fd00::1]/', true],
    ['[fd00::1]:80', 'http://[fd00::1]/', true],
    ['a, b ,example.org', 'http://example.org/', true],
    ['*', 'http://anything/', true],
    ['', 'http://anything/', false],
    ['10.0.0.0/99', 'http://10.1.2.3/', false],
    ['', 'http://localhost:80/', true],
    ['', 'http://127.1.2.3/', true],
    ['', 'http://[::1]/', true],
  ]
  for (const [exceptions, url, direct] of cases)
    assert.equal(isDirect(new URL(url), exceptions), direct, `${JSON.stringify(exceptions)} ${url}`)
})

test('a proxy comes from the configuration or from the environment, each with its exceptions', () => {
  const url = 'http://p:3128'
  assert.equal(via('http://a/', undefined), undefined)
  assert.equal(via('http://a/', { url }), 'http://p:3128/')
  assert.equal(via('https://127.0.0.1/', { url }), 'http://p:3128/', 'a bare proxy_url is for this machine too')
  assert.equal(via('http://127.0.0.1/', { url, noProxy: 'x' }), undefined)
  assert.equal(via('http://a/', { url, noProxy: 'a' }), undefined)
  const environment = { HTTP_PROXY: 'p:1', https_proxy: 'http://p:2', NO_PROXY: 'b' }
  assert.equal(via('http://a/', { fromEnvironment: true }, environment), 'http://p:1/')
  assert.equal(via('https://a/', { fromEnvironment: true }, environment), 'http://p:2/')
  assert.equal(via('http://b/', { fromEnvironment: true }, environment), undefined)
})

test('a proxy speaks HTTP or SOCKS5; from the environment too', () => {
  for (const url of ['socks5://p:1080', 'socks5h://me:pass@p', 'SOCKS5://p'])
    assert.equal(via('https://a/', { url }), new URL(url).href)
  const environment = { HTTP_PROXY: 'socks5://p:1080', ALL_PROXY: 'socks5://q:1080' }
  assert.equal(via('http://a/', { fromEnvironment: true }, environment), 'socks5://p:1080')
  assert.equal(via('https://a/', { fromEnvironment: true }, environment), undefined, 'Go does not look at ALL_PROXY')
  for (const url of ['socks4://p:1080', 'ftp://p', 'socks5://', 'http://', 'a b', 'http://me:%zz@p'])
    assert.throws(() => via('http://a/', { url }), { code: 'ASSAY_HTTP_PROXY', message: /write http:/ }, url)
})
