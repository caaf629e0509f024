import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePrometheusConfig, planOfPrometheus } from './prometheus-config.ts'

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
  assert.deepEqual(slow?.limits, { bodySizeBytes: 10_000_000, samples: 1000 })
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

const bad = [
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
    says: /p\.yml:3:5: .*"scrape_intervall" is not known/,
  },
  {
    why: 'a discovery that is not there yet',
    text: 'scrape_configs:\n  - job_name: a\n    kubernetes_sd_configs: []\n',
    says: /p\.yml:3:5: .*"kubernetes_sd_configs"/,
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
