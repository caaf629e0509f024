import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePrometheusConfig } from './prometheus-config.ts'

test('scalars are read as Prometheus reads them: texts as they are written, truths and numbers of YAML 1.1', () => {
  const text = `
global: { external_labels: { x: 0x1F } }
rule_files:
scrape_configs:
  - job_name: 010
    honor_labels: yes
    honor_timestamps: off
    sample_limit: 1_000
    label_limit: 0x10
    params:
    static_configs:
      - targets: ['a:1']
        labels: { a: yes, b: 010, c: 1_0, d: ~, e: 1e3, f: 1.50, g: .5 }
      - targets:
    relabel_configs:
remote_write:
`
  const { externalLabels, scrapes } = parsePrometheusConfig(text, 'p.yml')
  const [job] = scrapes
  assert.deepEqual(externalLabels, { x: '0x1F' })
  assert.deepEqual([job?.jobName, job?.honorLabels, job?.honorTimestamps], ['010', true, false])
  assert.deepEqual([job?.limits?.samples, job?.limits?.labels], [1000, 16])
  assert.deepEqual(job?.staticConfigs?.[0]?.labels, { a: 'yes', b: '010', c: '1_0', e: '1e3', f: '1.50', g: '.5' })
})
