import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssayError } from '#core'
import { parseWebConfig } from './web-config.ts'

const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG'

test('a file of everything is read, and its paths are relative to it', () => {
  const config = parseWebConfig(
    `tls_server_config:
  cert_file: server.crt
  key_file: /etc/server.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [localhost]
  min_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    X-XSS-Protection: ""
basic_auth_users:
  alice: ${HASH}
rate_limit: { interval: 100ms, burst: 20 }
`,
    '/etc/assay/web.yml',
  )
  assert.deepEqual(config, {
    tls: {
      cert: { file: '/etc/assay/server.crt' },
      key: { file: '/etc/server.key' },
      clientCa: { file: '/etc/assay/ca.crt' },
      clientAuth: 'RequireAndVerifyClientCert',
      allowedSans: ['localhost'],
      minVersion: 'TLS13',
      maxVersion: 'TLS13',
      ciphers: ['ECDHE-RSA-AES128-GCM-SHA256'],
      serverPrefers: true,
      curves: ['X25519', 'P-256'],
    },
    users: new Map([['alice', HASH]]),
    headers: { 'X-Frame-Options': 'deny' },
    rate: { intervalMs: 100, burst: 20 },
  })
})

test('an empty file asks nobody anything', () => {
  assert.deepEqual(parseWebConfig('', 'web.yml'), { tls: undefined, users: new Map(), headers: {}, rate: undefined })
})

for (const [why, text, says] of [
  [
    'no key',
    'tls_server_config:\n  cert_file: a',
    /^web\.yml:1:1: tls_server_config\.key: TLS needs it; write key_file: FILE$/,
  ],
  [
    'two certificates',
    'tls_server_config:\n  cert: a\n  cert_file: a\n  key: k',
    /^web\.yml:2:3: .*exclude each other/,
  ],
  [
    'a CA that nobody asks',
    'tls_server_config: { cert: a, key: k, client_ca: c }',
    /write client_auth_type: RequireAndVerify/,
  ],
  [
    'nobody to trust',
    'tls_server_config: { cert: a, key: k, client_auth_type: RequireAndVerifyClientCert }',
    /write client_ca_file/,
  ],
  [
    'names that nobody must show',
    'tls_server_config: { cert: a, key: k, client_allowed_sans: [x] }',
    /may come without/,
  ],
  [
    'versions upside down',
    'tls_server_config: { cert: a, key: k, min_version: TLS13, max_version: TLS12 }',
    /above max_version/,
  ],
  [
    'a version that is none',
    'tls_server_config: { cert: a, key: k, min_version: TLS14 }',
    /1:\d+: .*write one of TLS10, TLS11/,
  ],
  [
    'a cipher that is weak',
    'tls_server_config: { cert: a, key: k, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA] }',
    /write one of TLS_ECDHE/,
  ],
  ['a header that is none of its', 'http_server_config: { headers: { X-Other: a } }', /"X-Other" is not known here/],
  ['a value that is none', 'http_server_config: { headers: { X-Frame-Options: maybe } }', /write deny or sameorigin/],
  [
    'a password as it is',
    'basic_auth_users:\n  alice: secret',
    /^web\.yml:2:3: basic_auth_users\.alice: no bcrypt hash; write what `htpasswd/,
  ],
  ['a slip', 'basic_auth_user: {}', /"basic_auth_user" is not known here; write basic_auth_users/],
  ['no YAML', 'a: [', /^web\.yml:1:\d+: /],
] as const)
  test(`refused: ${why}`, () => {
    assert.throws(
      () => parseWebConfig(text, 'web.yml'),
      (thrown) => {
        assert.ok(thrown instanceof AssayError && thrown.code === 'ASSAY_WEB_CONFIG')
        assert.match(thrown.message, says)
        assert.ok(!thrown.message.includes('secret'), 'no secret is quoted')
        return true
      },
    )
  })
