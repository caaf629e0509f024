import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { unixMs } from '#core'
import { hostPage } from './page.ts'

const recorded = (name: string) => readFileSync(new URL(`./testdata/${name}`, import.meta.url), 'utf8')
const uname = { sysname: 'Linux', release: '6.1', machine: 'x86_64', nodename: 'host' }

test("the page speaks node_exporter's names", () => {
  const page = hostPage({
    now: unixMs(1_700_000_000_500),
    uname,
    files: {
      stat: recorded('stat'),
      meminfo: recorded('meminfo'),
      loadavg: recorded('loadavg'),
      netdev: recorded('net-dev'),
      diskstats: recorded('diskstats'),
    },
    spaces: [
      {
        mount: { device: '/dev/vda1', mountpoint: '/', fstype: 'ext4', readOnly: false },
        sizeBytes: 1000,
        freeBytes: 500,
        availableBytes: 400,
        files: 10,
        filesFree: 5,
      },
    ],
  })
  for (const line of [
    'node_time_seconds 1700000000.5',
    'node_cpu_seconds_total{cpu="1",mode="idle"} 3005.89',
    'node_load5 1.24',
    'node_filesystem_avail_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} 400',
    'node_network_receive_bytes_total{device="eth0"} 930902608',
    'node_disk_reads_completed_total{device="vda"} 161982',
  ]) {
    assert.ok(page.includes(`\n${line}\n`), line)
  }
  assert.match(page, /^node_memory_MemAvailable_bytes \d+$/m)
})

test('the limits of a container are told, and no limit is not a number', () => {
  const files = {
    cgroupCpuMax: '150000 100000\n',
    cgroupCpuStat: 'usage_usec 2500000\nthrottled_usec 0\n',
    cgroupMemoryMax: 'max\n',
    cgroupMemoryCurrent: '1048576\n',
    cgroupMemoryEvents: 'oom 1\noom_kill 1\n',
  }
  const page = hostPage({ now: unixMs(0), uname, spaces: [], files })
  assert.match(page, /^assay_host_cgroup_cpu_limit_cores 1\.5$/m)
  assert.match(page, /^assay_host_cgroup_cpu_seconds_total 2\.5$/m)
  assert.match(page, /^assay_host_cgroup_oom_kills_total 1$/m)
  assert.doesNotMatch(page, /memory_limit_bytes/)
})
