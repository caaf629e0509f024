import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpMetrics } from './http-metrics.ts'

test('requests are counted by handler and code, and buckets are cumulative', () => {
  const metrics = new HttpMetrics()
  metrics.observe('/api/v1/query', 200, 0.05, 50)
  metrics.observe('/api/v1/query', 200, 0.3, 5000)
  metrics.observe('/api/v1/query', 400, 200, 50)
  const page = metrics.page([{ name: 'assay_x', type: 'gauge', help: 'X.', value: () => 7 }])
  const lines = page.split('\n')
  for (const line of [
    'prometheus_http_requests_total{code="200",handler="/api/v1/query"} 2',
    'prometheus_http_requests_total{code="400",handler="/api/v1/query"} 1',
    'prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="0.1"} 1',
    'prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="0.4"} 2',
    'prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="120"} 2',
    'prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="+Inf"} 3',
    'prometheus_http_response_size_bytes_bucket{handler="/api/v1/query",le="100"} 2',
    'assay_x 7',
  ])
    assert.ok(lines.includes(line), line)
  assert.ok(page.endsWith('\n'))
})
