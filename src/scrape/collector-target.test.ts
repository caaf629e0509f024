import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels } from '#core'
import { collectorTarget } from './collector-target.ts'
import { tickOffset } from './tick-offset.ts'

test('a collector is a target whose job is its part and whose instance is the host of its address', async () => {
  const cases = [
    ['postgres://127.0.0.1:5432/shop', '127.0.0.1:5432'],
    ['http://u:p@broker:15672', 'broker:15672'],
    ['host-1', 'host-1'],
  ] as const
  for (const [address, instance] of cases) {
    const target = collectorTarget({
      part: 'p',
      intervalMs: 1000,
      timeoutMs: 500,
      address,
      read: async () => 'up 1\n',
      caveats: () => ['half'],
    })
    assert.deepEqual(target.labels.toJSON(), { instance, job: 'p' })
    const page = await target.read(new AbortController().signal)
    assert.deepEqual(page, {
      body: 'up 1\n',
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      caveats: ['half'],
    })
  }
})

test('targets are spread over their interval, always at the same place', () => {
  const offsets = Array.from({ length: 1000 }, (_, i) =>
    tickOffset({ labels: Labels.of({ instance: `host-${i}` }), url: '', intervalMs: 1000 }),
  )
  assert.ok(offsets.every((offset) => Number.isInteger(offset) && offset >= 0 && offset < 1000))
  const inFirstTenth = offsets.filter((offset) => offset < 100).length
  assert.ok(inFirstTenth > 60 && inFirstTenth < 140, String(inFirstTenth))
  assert.equal(offsets[0], tickOffset({ labels: Labels.of({ instance: 'host-0' }), url: '', intervalMs: 1000 }))
})
