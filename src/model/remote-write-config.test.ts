import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { remoteWriteOf, remoteWrites } from './remote-write-config.ts'
import { parseYaml } from './yaml.ts'

const parse = (text: string) =>
  parseYaml(text, 'prometheus.yml', z.strictObject({ remote_write: remoteWrites }), 'ASSAY_CONFIG').remote_write.map(
    (one) => remoteWriteOf(one, '/etc/prometheus'),
  )

test('a url alone has the defaults of Prometheus', () => {
  assert.deepEqual(parse('remote_write:\n  - url: http://far:9090/api/v1/write\n'), [
    {
      name: '',
      url: 'http://far:9090/api/v1/write',
      version: 'v1',
      timeoutMs: 30_000,
      headers: {},
      writeRelabelConfigs: [],
      sendExemplars: false,
      sendNativeHistograms: false,
      http: {},
      queue: {
        capacity: 10_000,
        minShards: 1,
        maxShards: 50,
        maxSamplesPerSend: 2000,
        batchSendDeadlineMs: 5000,
        minBackoffMs: 30,
        maxBackoffMs: 5000,
        retryOnHttp429: false,
        sampleAgeLimitMs: 0,
      },
      metadata: { send: true, sendIntervalMs: 60_000, maxSamplesPerSend: 2000 },
    },
  ])
})

test('everything that can be said is taken', () => {
  const [one] = parse(`remote_write:
  - url: https://far/push
    name: far
    remote_timeout: 10s
    protobuf_message: io.prometheus.write.v2.Request
    headers: { X-Scope-OrgID: tenant }
    send_exemplars: true
    send_native_histograms: true
    write_relabel_configs:
      - { source_labels: [__name__], regex: go_.*, action: drop }
    basic_auth: { username: me, password_file: secret }
    tls_config: { ca_file: /ca.pem, insecure_skip_verify: true }
    proxy_url: http://proxy:3128
    follow_redirects: false
    queue_config: { capacity: 5, max_shards: 2, retry_on_http_429: true, sample_age_limit: 1h }
    metadata_config: { send: false, send_interval: 5m }
`)
  assert.equal(one?.version, 'v2')
  assert.deepEqual(one?.http.basicAuth, { username: 'me', password: { file: '/etc/prometheus/secret' } })
  assert.equal(one?.http.proxy?.url, 'http://proxy:3128')
  assert.equal(one?.http.followRedirects, false)
  assert.deepEqual([one?.queue.capacity, one?.queue.retryOnHttp429, one?.queue.sampleAgeLimitMs], [5, true, 3_600_000])
  assert.deepEqual(one?.metadata, { send: false, sendIntervalMs: 300_000, maxSamplesPerSend: 2000 })
  assert.equal(one?.writeRelabelConfigs[0]?.action, 'drop')
})

const refused: readonly (readonly [why: string, text: string, message: RegExp])[] = [
  ['without a url', '- name: x', /prometheus\.yml:2:\d+: .*url is missing/],
  ['another scheme', '- url: ftp://far', /write an address with http:\/\/ or https:\/\//],
  ['an unknown key', '- { url: "http://far", capacity: 5 }', /"capacity" is not known here/],
  ['an unknown message', '- { url: "http://far", protobuf_message: v3 }', /write one of prometheus.WriteRequest, io/],
  [
    'a reserved header',
    '- { url: "http://far", headers: { Content-Type: x } }',
    /the header Content-Type is made by the request itself/,
  ],
  [
    'two names alike',
    '- { url: "http://a", name: x }\n  - { url: "http://b", name: x }',
    /two receivers are named "x"/,
  ],
  [
    'shards the wrong way round',
    '- { url: "http://far", queue_config: { min_shards: 9, max_shards: 3 } }',
    /min_shards 9 is above max_shards 3/,
  ],
  ['a cloud', '- { url: "http://far", sigv4: { region: x } }', /put a proxy that signs in front/],
  [
    'two ways to say who we are',
    '- { url: "http://far", bearer_token: x, basic_auth: { username: y } }',
    /cannot both say who we are/,
  ],
]
for (const [why, text, message] of refused) {
  test(`remote_write is refused with its place: ${why}`, () => {
    assert.throws(() => parse(`remote_write:\n  ${text}\n`), message)
  })
}
