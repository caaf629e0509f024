import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Feature, fuzz } from '#core'
import { parsePrometheusConfig, parseScrapeFile, planOfPrometheus } from './prometheus-config.ts'

const GOOD = `
global:
  scrape_interval: 5s
  external_labels: { site: north }
rule_files: ['rules/*.yml']
scrape_configs:
  - job_name: api
    static_configs:
      - targets: ['127.0.0.1:9100']
        labels: { team: blue }
    relabel_configs:
      - source_labels: [__address__]
        regex: '(.*):\\d+'
        target_label: host
    metric_relabel_configs:
      - { action: Drop, source_labels: [__name__], regex: go_.* }
  - job_name: slow
    scrape_interval: 1m
    scrape_timeout: 30s
    sample_limit: 1000
    body_size_limit: 10MB
    basic_auth: { username: u, password: secret }
    file_sd_configs: [{ files: [targets.json] }]
alerting: { alertmanagers: [] }
`

test('defaults are those of Prometheus', () => {
  const config = parsePrometheusConfig(GOOD, 'prometheus.yml')
  const [api, slow] = config.scrapes
  assert.equal(config.evaluationIntervalMs, 60_000)
  assert.deepEqual([api?.intervalMs, api?.timeoutMs, slow?.intervalMs, slow?.timeoutMs], [5000, 5000, 60_000, 30_000])
  assert.deepEqual(api?.relabelConfigs[0], {
    action: 'replace',
    sourceLabels: ['__address__'],
    separator: ';',
    regex: '(.*):\\d+',
    modulus: 0,
    targetLabel: 'host',
    replacement: '$1',
  })
  assert.equal(api?.metricRelabelConfigs[0]?.action, 'drop')
  assert.deepEqual(slow?.limits, { bodySizeBytes: 10 * 2 ** 20, samples: 1000 })
  assert.deepEqual(slow?.fileSdConfigs, [{ files: ['targets.json'], refreshMs: 300_000 }])
  assert.deepEqual(config.warnings, ['prometheus.yml: alerting has no effect yet'])
})

test('an empty file is an empty system', () => {
  assert.deepEqual(parsePrometheusConfig('', 'p.yml').scrapes, [])
})

test('each job is a part', () => {
  const plan = planOfPrometheus(parsePrometheusConfig(GOOD, 'p.yml'), [])
  assert.deepEqual(
    plan.parts.map(({ id, kind }) => [id, kind]),
    [
      ['api', 'job'],
      ['slow', 'job'],
    ],
  )
})

test('the log of queries lies beside the configuration that names it', () => {
  const logOf = (text: string) => planOfPrometheus(parsePrometheusConfig(text, 'etc/p.yml'), []).queryLogFile
  assert.equal(logOf('global: { query_log_file: q.log }'), join('etc', 'q.log'))
  assert.equal(logOf('global: { query_log_file: /var/q.log }'), '/var/q.log')
  assert.equal(logOf('global: { query_log_file: "" }'), undefined)
})

test('anchors and merge keys are read as Go reads them', () => {
  const text = 'scrape_configs:\n  - &a { job_name: a, scrape_interval: 7s }\n  - { <<: *a, job_name: b }\n'
  assert.deepEqual(
    parsePrometheusConfig(text, 'p.yml').scrapes.map(({ jobName, intervalMs }) => [jobName, intervalMs]),
    [
      ['a', 7000],
      ['b', 7000],
    ],
  )
})

const bad = [
  {
    why: 'aliases that multiply',
    text: 'a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n',
    says: /^p\.yml: Excessive alias count/,
  },
  {
    why: 'a job without a name',
    text: 'scrape_configs: [{ scheme: http }]',
    says: /^p\.yml:1:18: .*job_name: it is missing$/,
  },
  {
    why: 'a duration without a unit',
    text: 'global: { scrape_interval: 15 }',
    says: /p\.yml:1:\d+: global\.scrape_interval: not a duration/,
  },
  { why: 'a job twice', text: 'scrape_configs: [{ job_name: a }, { job_name: a }]', says: /"a" stands twice/ },
  {
    why: 'a timeout above the interval',
    text: 'scrape_configs: [{ job_name: a, scrape_interval: 5s, scrape_timeout: 10s }]',
    says: /scrape_timeout 10s is longer than scrape_interval 5s/,
  },
  {
    why: 'an unknown key',
    text: 'scrape_configs:\n  - job_name: a\n    scrape_intervall: 5s\n',
    says: /^p\.yml:3:5: scrape_configs\.0: "scrape_intervall" is not known here; write scrape_interval$/,
  },
  {
    why: 'a discovery that is not there yet',
    text: 'scrape_configs:\n  - job_name: a\n    kubernetes_sd_configs: []\n',
    says: /^p\.yml:3:5: scrape_configs\.0\.kubernetes_sd_configs: assay does not discover targets there; .*http_sd_configs/,
  },
  {
    why: 'a bad expression',
    text: 'scrape_configs: [{ job_name: a, relabel_configs: [{ regex: "(" }] }]',
    says: /not a regular expression/,
  },
  {
    why: 'an unknown action',
    text: 'scrape_configs: [{ job_name: a, relabel_configs: [{ action: zap }] }]',
    says: /action/,
  },
]
for (const { why, text, says } of bad) {
  test(`${why} is told with its place`, () => {
    assert.throws(() => parsePrometheusConfig(text, 'p.yml'), { code: 'ASSAY_CONFIG', message: says })
  })
}

const JWT = 'client_id: a, token_url: "http://t", grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer"'

/** Within one job; `says` also names the place. */
const JOB_FAULTS: readonly (readonly [keys: string, says: RegExp])[] = [
  ['basic_auth: { password: a, password_file: b }', /:3:\d+: .*password_file: password and password_file exclude/],
  ['basic_auth: { username: a }\n    bearer_token: b', /basic_auth and bearer_token cannot both say who we are/],
  ['authorization: { type: Basic, credentials: x }', /authorization\.type: for basic authentication write basic_auth/],
  ['authorization: { credentials_ref: x }', /no secrets manager; write the key that ends in _file/],
  ['tls_config: { cert_file: a }', /tls_config: a certificate and its key belong together; write key_file too/],
  ['tls_config: { min_version: TLS13, max_version: TLS12 }', /min_version TLS13 is above max_version TLS12/],
  ['tls_config: { min_version: "1.2" }', /write one of TLS10, TLS11, TLS12, TLS13/],
  ['proxy_url: socks4://p:1080', /proxy_url: this is no proxy; write http:.* or socks5:\/\/host:port/],
  ['no_proxy: a', /no_proxy needs a proxy_url/],
  ['proxy_url: http://p\n    proxy_from_environment: true', /come from the environment; remove them here/],
  ['oauth2: { client_id: a, token_url: nowhere }', /token_url: write an address with http/],
  ['oauth2: { client_id: "", token_url: "http://t" }', /client_id: client_id is empty; write the name/],
  [
    'oauth2: { client_id: a, token_url: "http://t", client_secret: b, client_secret_file: c }',
    /:3:\d+: .*client_secret_file: client_secret and client_secret_file exclude each other/,
  ],
  [
    `oauth2: { ${JWT}, client_certificate_key: b, client_certificate_key_file: c }`,
    /:3:\d+: .*key_file: client_certificate_key and client_certificate_key_file exclude each other/,
  ],
  [`oauth2: { ${JWT}, signature_algorithm: ES256 }`, /signature_algorithm: write one of RS256, RS384, RS512/],
  [`oauth2: { ${JWT}, client_certificate_key_ref: a }`, /no secrets manager/],
  [`oauth2: { ${JWT}, claims: { n: 12345678901234567890 } }`, /claims\.n: .*would lose digits; put it in quotes/],
  ['http_headers: { Host: { values: [a] } }', /the header Host is made by the request itself/],
  ['scrape_protocols: [Protobuf]', /scrape_protocols\.0: write one of PrometheusProto, /],
  ['scrape_protocols: []', /name at least one protocol/],
  ['fallback_scrape_protocol: text', /PrometheusText0\.0\.4/],
  ['scrape_classic_histograms: true', /always_scrape_classic_histograms since Prometheus 3\.0/],
  ['metric_name_validation_scheme: ascii', /write utf8 or legacy/],
  ['metric_name_validation_scheme: legacy\n    metric_name_escaping_scheme: allow-utf-8', /does not go with/],
  ['body_size_limit: 10', /"10" is not a size; write 512KB/],
  ['static_configs: [{ targets: ["http://a/metrics"] }]', /:3:\d+: .*is no address; write host:port/],
  ['file_sd_configs: [{ files: [targets.txt] }]', /must end in \.json/],
  ['dns_sd_configs: [{ names: [a], type: A }]', /dns_sd_configs\.0\.port: these records have no port/],
  ['http_sd_configs: [{ url: "ftp://a" }]', /url: write an address/],
  ['relabel_configs: [{ action: hashmod, target_label: a }]', /needs a modulus of at least 1/],
  ['relabel_configs: [{ source_labels: [a] }]', /needs a target_label; write target_label: name/],
  [
    'relabel_configs: [{ action: labeldrop, regex: a, target_label: b }]',
    /labeldrop takes regex alone; remove target_label/,
  ],
  ['params: { a: [[b]] }', /a text was expected; put it in quotes/],
  ['honor_labels: maybe', /honor_labels: neither true nor false/],
  ['sample_limit: many', /sample_limit: .*number/],
  ['sample_limit: -1', /sample_limit: /],
]

test('what does not go together in a job is told with its place and what to write instead', () => {
  for (const [keys, says] of JOB_FAULTS) {
    const text = `scrape_configs:\n  - job_name: a\n    ${keys}\n`
    assert.throws(() => parsePrometheusConfig(text, 'p.yml'), { code: 'ASSAY_CONFIG', message: says }, keys)
  }
})

test('a job that says everything is read whole; files stand where the configuration stands', () => {
  const text = `
global: { keep_dropped_targets: 5, scrape_native_histograms: true, external_labels: { site: '\${SITE}-$$' } }
scrape_configs:
  - job_name: all
    track_timestamps_staleness: true
    always_scrape_classic_histograms: true
    convert_classic_histograms_to_nhcb: true
    extra_scrape_metrics: true
    native_histogram_bucket_limit: 100
    native_histogram_min_bucket_factor: 1.1
    target_limit: 7
    label_name_length_limit: 8
    scrape_failure_log_file: failures.json
    fallback_scrape_protocol: OpenMetricsText1.0.0
    metric_name_validation_scheme: legacy
    enable_compression: false
    enable_http2: false
    follow_redirects: false
    oauth2: { client_id: me, client_secret_file: secret.txt, token_url: 'https://t/x', scopes: [a], endpoint_params: { b: c } }
    tls_config: { ca_file: ca.pem, server_name: s, insecure_skip_verify: true, min_version: TLS12 }
    proxy_url: http://proxy:3128
    no_proxy: a,b
    proxy_connect_header: { X-A: [one] }
    http_headers: { X-B: { values: [two], files: [three.txt] } }
    params: { module: [1, true, x] }
    http_sd_configs: [{ url: 'http://sd/x', basic_auth: { username: u, password_file: /run/p } }]
    dns_sd_configs: [{ names: [a.example], type: mx }]
`
  const config = parsePrometheusConfig(text, 'etc/p.yml', { environment: { SITE: 'north' } })
  assert.deepEqual(config.externalLabels, { site: 'north-$' })
  const { staticConfigs, fileSdConfigs, relabelConfigs, metricRelabelConfigs, protocols, ...job } = config.scrapes[0]!
  assert.equal(protocols?.[0], 'PrometheusProto')
  assert.deepEqual(job, {
    jobName: 'all',
    intervalMs: 60_000,
    timeoutMs: 10_000,
    scheme: 'http',
    metricsPath: '/metrics',
    params: { module: ['1', 'true', 'x'] },
    honorLabels: false,
    honorTimestamps: true,
    httpSdConfigs: [
      { url: 'http://sd/x', refreshMs: 60_000, basicAuth: { username: 'u', password: { file: '/run/p' } } },
    ],
    dnsSdConfigs: [{ names: ['a.example'], type: 'MX', port: 25, refreshMs: 30_000 }],
    oauth2: {
      clientId: 'me',
      clientSecret: { file: 'etc/secret.txt' },
      tokenUrl: 'https://t/x',
      scopes: ['a'],
      endpointParams: { b: 'c' },
    },
    tls: { ca: { file: 'etc/ca.pem' }, serverName: 's', insecureSkipVerify: true, minVersion: 'TLS12' },
    proxy: { url: 'http://proxy:3128', noProxy: 'a,b', connectHeaders: { 'X-A': ['one'] } },
    headers: { 'X-B': ['two', { file: 'etc/three.txt' }] },
    followRedirects: false,
    limits: { labelNameLength: 8, buckets: 100, bucketFactor: 1.1 },
    escaping: 'underscores',
    compression: false,
    targetLimit: 7,
    keepDropped: 5,
    fallbackFormat: 'openmetrics',
    failureLogFile: 'etc/failures.json',
    trackTimestampsStaleness: true,
    legacyNames: true,
    extraMetrics: true,
    histograms: { native: true, keepClassic: true, convertClassic: true },
  })
})

test('a signed token is asked for by its grant alone; what belongs to another grant is not looked at', () => {
  const oauth2 = (keys: string) =>
    parsePrometheusConfig(`scrape_configs: [{ job_name: a, oauth2: { ${keys} } }]`, 'etc/p.yml').scrapes[0]?.oauth2
  assert.deepEqual(
    oauth2(`${JWT}, client_certificate_key_file: key.pem, client_certificate_key_id: k, signature_algorithm: RS384,
      iss: i, audience: u, claims: { x: [1, { y: null }], z: 1.5 }, client_secret: s, client_secret_file: t`),
    {
      clientId: 'a',
      tokenUrl: 'http://t',
      jwt: {
        key: { file: 'etc/key.pem' },
        keyId: 'k',
        algorithm: 'RS384',
        issuer: 'i',
        audience: 'u',
        claims: { x: [1, { y: null }], z: 1.5 },
      },
    },
  )
  assert.deepEqual(oauth2(JWT), { clientId: 'a', tokenUrl: 'http://t', jwt: { key: '' } })
  const secret = 'client_id: a, token_url: "http://t", client_secret: "", client_secret_file: /s'
  for (const grant of ['""', 'client_credentials', 'password'])
    assert.deepEqual(
      oauth2(`${secret}, grant_type: ${grant}, signature_algorithm: none, client_certificate_key: k`),
      { clientId: 'a', tokenUrl: 'http://t', clientSecret: { file: '/s' } },
      grant,
    )
})

test('a proxy that speaks SOCKS5 is taken wherever there is an HTTP client', () => {
  const proxy = 'proxy_url: "socks5://me:pass@p:1080"'
  const text = `
scrape_configs:
  - job_name: a
    ${proxy}
    no_proxy: b
    oauth2: { client_id: a, token_url: "http://t", proxy_url: "socks5h://q" }
    http_sd_configs: [{ url: "http://sd", ${proxy} }]
remote_write: [{ url: "http://far", ${proxy} }]
`
  const { scrapes, remoteWrites } = parsePrometheusConfig(text, 'p.yml')
  const url = 'socks5://me:pass@p:1080'
  assert.deepEqual(scrapes[0]?.proxy, { url, noProxy: 'b' })
  assert.deepEqual(scrapes[0]?.oauth2?.proxy, { url: 'socks5h://q' })
  assert.deepEqual(scrapes[0]?.httpSdConfigs?.[0]?.proxy, { url })
  assert.deepEqual(remoteWrites[0]?.http.proxy, { url })
})

test('a feature with start times asks for protobuf first, unless the file says otherwise', () => {
  const text = 'scrape_configs: [{ job_name: a }, { job_name: b, scrape_protocols: [PrometheusText0.0.4] }]'
  const first = (features: readonly Feature[]) =>
    parsePrometheusConfig(text, 'p.yml', { features: new Set(features) }).scrapes.map(({ protocols }) => protocols?.[0])
  assert.deepEqual(first([]), ['OpenMetricsText1.0.0', 'PrometheusText0.0.4'])
  assert.deepEqual(first(['created-timestamp-zero-ingestion']), ['PrometheusProto', 'PrometheusText0.0.4'])
})

test('sizes are those of Prometheus: a KB is 1024 bytes, and parts are added up', () => {
  const sizes = [
    ['512KB', 524_288],
    ['1KiB', 1024],
    ['1MB512KB', 1_572_864],
    ['1.5GB', 1_610_612_736],
    ['0', undefined],
  ] as const
  for (const [text, bytes] of sizes) {
    const { scrapes } = parsePrometheusConfig(`scrape_configs: [{ job_name: a, body_size_limit: ${text} }]`, 'p.yml')
    assert.equal(scrapes[0]?.limits.bodySizeBytes, bytes, text)
  }
})

test('jobs in files of their own have the settings of the main file, and names that are free', () => {
  const main = { text: 'global: { scrape_interval: 7s }\nscrape_configs: [{ job_name: a }]', name: 'etc/p.yml' }
  const { scrapes } = parsePrometheusConfig(main.text, main.name)
  const before = { ...main, before: scrapes }
  const more = parseScrapeFile('scrape_configs: [{ job_name: b, bearer_token_file: t }]', 'etc/more/b.yml', before)
  assert.deepEqual([more[0]?.intervalMs, more[0]?.authorization?.credentials], [7000, { file: 'etc/more/t' }])
  assert.throws(
    () => parseScrapeFile('scrape_configs:\n- job_name: a', 'b.yml', before),
    /^AssayError: b\.yml:2:3: .*"a" stands twice/,
  )
  assert.throws(
    () => parseScrapeFile('global: {}', 'b.yml', before),
    /"global" is not known here; .*write one of scrape_configs/,
  )
})

test('a damaged file is refused with its place, or read; never anything else', () => {
  const job = "  - &a { job_name: b, params: &p { x: ['\\u00e4'] }, http_headers: { y: { files: [z] } } }"
  const good = GOOD.replace('alerting:', `${job}\n  - { <<: *a, job_name: c, params: *p }\nalerting:`)
  fuzz(({ damage }) => {
    try {
      parsePrometheusConfig(damage(Buffer.from(good)).toString(), 'p.yml')
    } catch (thrown) {
      assert.equal((thrown as { code?: string }).code, 'ASSAY_CONFIG', String(thrown))
      assert.match((thrown as Error).message, /^p\.yml/)
    }
  }, 500)
})

test('the section storage: the window for late samples, retention and exemplars, and what is not known there', () => {
  const settings = (yaml: string) => parsePrometheusConfig(yaml, 'prometheus.yml').storage
  assert.deepEqual(settings('global: {}'), { outOfOrderWindowMs: 0 })
  assert.deepEqual(settings('storage: { tsdb: { out_of_order_time_window: 30m }, exemplars: { max_exemplars: 5 } }'), {
    outOfOrderWindowMs: 1_800_000,
    maxExemplars: 5,
  })
  assert.deepEqual(settings('storage: { tsdb: { retention: { time: 30d, size: 1GB } }, exemplars: {} }'), {
    outOfOrderWindowMs: 0,
    retentionMs: 30 * 86_400_000,
    retentionBytes: 2 ** 30,
  })
  assert.deepEqual(settings('storage: { tsdb: null }'), { outOfOrderWindowMs: 0 })
  for (const [yaml, message] of [
    ['storage: { tsdb: { out_of_order_time_window: soon } }', /prometheus\.yml:1:\d+.*not a duration/],
    ['storage: { tsdb: { retention: { percentage: 80 } } }', /prometheus\.yml:1:\d+.*write a size/],
    ['storage: { tsdb: { window: 5m } }', /prometheus\.yml:1:\d+.*window/],
  ] as const) {
    assert.throws(() => settings(yaml), { code: 'ASSAY_CONFIG', message })
  }
})
