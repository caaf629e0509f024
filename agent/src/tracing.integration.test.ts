import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startService, until } from './test-support/service.ts'

test('a request served in a trace of OpenTelemetry is an exemplar of its bucket', async () => {
  await using service = await startService('traced-service.ts')
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const ask = async (flags: string): Promise<string> => {
    const traceparent = `00-${traceId}-00f067aa0ba902b7-${flags}`
    const answer = await fetch(`http://127.0.0.1:${String(service.ready['port'])}/traced/1`, {
      headers: { traceparent },
    })
    return await answer.text()
  }
  const page = (): Promise<string> => service.metrics({ accept: 'application/openmetrics-text; version=1.0.0' })
  assert.equal(await ask('00'), 'traced')
  const unsampled = await until(page, (text) => text.includes('http_route="/traced/:id"'))
  assert.ok(!unsampled.includes('trace_id'), 'a trace that nobody keeps is no exemplar')
  assert.equal(await ask('01'), 'traced')
  const sampled = await until(page, (text) => text.includes('trace_id'))
  assert.match(
    sampled,
    new RegExp(
      `^http_server_request_duration_seconds_bucket\\{[^}]*http_route="/traced/:id"[^}]*\\} \\d+ # \\{trace_id="${traceId}",span_id="[0-9a-f]{16}"\\} [0-9.e-]+ [0-9.]+$`,
      'm',
    ),
  )
  assert.ok(!(await service.metrics()).includes('trace_id'), 'text 0.0.4 has no exemplars')
})
