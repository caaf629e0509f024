import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS_REFRESH_MS, limitsReader } from './process-figures.ts'

test('limits are read again after a while, not at each scrape, also when the clock has jumped back', () => {
  let reads = 0
  const limits = limitsReader((path) => {
    if (path === '/proc/self/cgroup') reads++
    return path === '/proc/self/cgroup' ? '0::/' : path === '/sys/fs/cgroup/cpu.max' ? '25000 100000' : undefined
  })
  assert.equal(limits(0).cpuCores, 0.25)
  limits(LIMITS_REFRESH_MS - 1)
  assert.equal(reads, 1)
  limits(LIMITS_REFRESH_MS)
  assert.equal(reads, 2)
  limits(-LIMITS_REFRESH_MS)
  assert.equal(reads, 3)
  assert.ok(limits(0).memoryBytes > 1e6, 'without a limit it is what the machine has')
})
