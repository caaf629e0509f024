import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuQuota, limitsReader } from './limits.ts'

const files = (given: Record<string, string>) => (path: string) => given[path]

test('the smallest quota on the way up holds', () => {
  const cases = [
    [
      {
        '/proc/self/cgroup': '0::/a/b\n',
        '/sys/fs/cgroup/a/b/cpu.max': 'max 100000',
        '/sys/fs/cgroup/a/cpu.max': '150000 100000',
      },
      1.5,
    ],
    [{ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' }, 0.5],
    [{ '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/cpu.max': 'max 100000' }, undefined],
    [
      {
        '/proc/self/cgroup': '5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
        '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us': '200000',
        '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us': '100000',
        '/sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us': '-1',
      },
      2,
    ],
    [{}, undefined],
  ] as const
  for (const [given, cores] of cases) assert.equal(cpuQuota(files(given)), cores)
})

test('limits are read again after a while, not at each scrape', () => {
  let reads = 0
  const read = limitsReader((path) => {
    if (path === '/proc/self/cgroup') reads++
    return path === '/proc/self/cgroup' ? '0::/' : path === '/sys/fs/cgroup/cpu.max' ? '25000 100000' : undefined
  })
  assert.equal(read(0).cpuCores, 0.25)
  read(10_000)
  assert.equal(reads, 1)
  read(30_000)
  assert.equal(reads, 2)
  assert.ok(read(30_000).memoryBytes > 1e6)
})
