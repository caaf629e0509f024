import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLog } from '#core'
import { hostCollector } from './collector.ts'

test('this machine can be read, whatever it lacks', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  await using collector = hostCollector({ kind: 'host', part: 'host' }, { clock, log: silentLog, resolve: String })
  const page = await collector.read(new AbortController().signal)
  assert.match(page, /^node_cpu_seconds_total\{cpu="0",mode="idle"\} \d/m)
  assert.match(page, /^node_memory_MemTotal_bytes \d{8,}$/m)
  assert.match(page, /^node_filesystem_size_bytes\{.*mountpoint="\/"\} \d/m)
})
