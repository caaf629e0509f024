import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cgroupLimits, cgroupUsageReader } from './cgroup.ts'

/** Recorded trees: what containers of several kinds show of /proc and /sys, cut to the files that matter. */
const TREES = {
  /** Docker, cgroup v2, `--cpus 1.5 --memory 512m`: its own namespace, so that the path is the root. */
  dockerV2: {
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/cpu.max': '150000 100000\n',
    '/sys/fs/cgroup/memory.max': '536870912\n',
    '/sys/fs/cgroup/memory.current': '93687808\n',
    '/sys/fs/cgroup/memory.stat':
      'anon 61210624\nfile 20443136\ninactive_anon 61190144\nactive_file 4849664\ninactive_file 15593472\n',
    '/sys/fs/cgroup/memory.events': 'low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\n',
    '/sys/fs/cgroup/cpu.stat':
      'usage_usec 2113456\nuser_usec 1710000\nsystem_usec 403456\nnr_periods 120\nnr_throttled 17\nthrottled_usec 904512\n',
  },
  /** A pod of Kubernetes seen from the node: the limit stands above the process's own group. */
  podV2: {
    '/proc/self/cgroup': '0::/kubepods.slice/pod1.slice/cri-1.scope\n',
    '/sys/fs/cgroup/kubepods.slice/pod1.slice/cri-1.scope/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/kubepods.slice/pod1.slice/cpu.max': '50000 100000\n',
    '/sys/fs/cgroup/kubepods.slice/cpu.max': '400000 100000\n',
    '/sys/fs/cgroup/kubepods.slice/pod1.slice/cri-1.scope/memory.max': 'max\n',
    '/sys/fs/cgroup/kubepods.slice/pod1.slice/memory.max': '268435456\n',
    '/sys/fs/cgroup/kubepods.slice/pod1.slice/cri-1.scope/memory.current': '1048576\n',
  },
  /** Docker, cgroup v1: the path is the host's, and is not there inside the container. */
  dockerV1: {
    '/proc/self/cgroup': '5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n1:name=systemd:/docker/0123\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '200000\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.stat': 'nr_periods 10\nnr_throttled 2\nthrottled_time 1500000000\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '134217728\n',
    '/sys/fs/cgroup/memory/memory.usage_in_bytes': '50000000\n',
    '/sys/fs/cgroup/memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 8000000\n',
    '/sys/fs/cgroup/memory/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
  },
  /** A machine with version 1 and no limits. */
  openV1: {
    '/proc/self/cgroup': '4:memory:/\n1:cpu:/\n0::/\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/memory/memory.usage_in_bytes': '7000000\n',
  },
  /** Both at once, as systemd does it: version 2 without controllers beside version 1. */
  hybrid: {
    '/proc/self/cgroup': '4:memory:/a/b\n1:cpu:/a/b\n0::/a/b\n',
    '/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '300000\n',
    '/sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': '4096000\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '8192000\n',
  },
  none: {},
  torn: {
    '/proc/self/cgroup': 'not a group\n0:\n7:cpu\n',
    '/sys/fs/cgroup/cpu.max': 'max',
    '/sys/fs/cgroup/memory.max': '',
  },
} satisfies Record<string, Record<string, string>>

const reader = (tree: Readonly<Record<string, string>>) => (path: string) => tree[path]

const usageOf = (read: (path: string) => string | undefined) => cgroupUsageReader(read)()

test('the smallest limit on the way up holds', () => {
  const cases = [
    ['dockerV2', { cpuCores: 1.5, memoryBytes: 536_870_912 }],
    ['podV2', { cpuCores: 0.5, memoryBytes: 268_435_456 }],
    ['dockerV1', { cpuCores: 2, memoryBytes: 134_217_728 }],
    ['openV1', { cpuCores: undefined, memoryBytes: undefined }],
    ['hybrid', { cpuCores: 3, memoryBytes: 4_096_000 }],
    ['none', { cpuCores: undefined, memoryBytes: undefined }],
    ['torn', { cpuCores: undefined, memoryBytes: undefined }],
  ] as const
  for (const [tree, limits] of cases) assert.deepEqual(cgroupLimits(reader(TREES[tree])), limits, tree)
})

test('what the group uses is told in seconds and bytes, and left out where the kernel does not tell it', () => {
  assert.deepEqual(usageOf(reader(TREES.dockerV2)), {
    memoryBytes: 93_687_808,
    workingSetBytes: 93_687_808 - 15_593_472,
    throttledSeconds: 0.904512,
    throttledPeriods: 17,
    periods: 120,
    oomKills: 1,
  })
  assert.deepEqual(usageOf(reader(TREES.dockerV1)), {
    memoryBytes: 50_000_000,
    workingSetBytes: 42_000_000,
    throttledSeconds: 1.5,
    throttledPeriods: 2,
    periods: 10,
    oomKills: 3,
  })
  const nothing = {
    memoryBytes: undefined,
    workingSetBytes: undefined,
    throttledSeconds: undefined,
    throttledPeriods: undefined,
    periods: undefined,
    oomKills: undefined,
  }
  assert.deepEqual(usageOf(reader(TREES.none)), nothing)
  assert.deepEqual(usageOf(reader(TREES.torn)), nothing)
  assert.equal(usageOf(reader(TREES.podV2)).workingSetBytes, undefined)
})

test('where a group is told of is looked for once, and again when it is gone', () => {
  let tree: Record<string, string> = TREES.podV2
  let asked: string[] = []
  const usage = cgroupUsageReader((path) => {
    asked.push(path)
    return tree[path]
  })
  usage()
  asked = []
  assert.equal(usage().memoryBytes, 1_048_576)
  assert.ok(!asked.includes('/proc/self/cgroup'))
  tree = TREES.dockerV2
  assert.equal(usage().memoryBytes, 93_687_808, 'the process was moved')
})
