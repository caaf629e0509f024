import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  fieldOf,
  parseDiskstats,
  parseLoadavg,
  parseMeminfo,
  parseMounts,
  parseNetDev,
  parsePressure,
  parseStat,
} from './proc.ts'

const recorded = (name: string) => readFileSync(new URL(`./testdata/${name}`, import.meta.url), 'utf8')

test('CPU times are read in seconds for each CPU, the sum line is left out', () => {
  const { cpus, scalars } = parseStat(recorded('stat'))
  assert.deepEqual(
    cpus.map((one) => one.cpu),
    ['0', '1'],
  )
  assert.deepEqual(cpus[0]?.seconds, [240.29, 1.87, 55.21, 3052.35, 2.85, 0, 2.05, 9.55])
  assert.ok((scalars['btime'] ?? 0) > 1.6e9)
})

test('memory is read in bytes, and names in brackets get an underscore', () => {
  const memory = parseMeminfo('MemTotal:       24684096 kB\nActive(anon):   12 kB\nHugePages_Total:       3\n')
  assert.deepEqual(
    [...memory],
    [
      ['MemTotal', 24684096 * 1024],
      ['Active_anon', 12288],
      ['HugePages_Total', 3],
    ],
  )
  assert.ok((parseMeminfo(recorded('meminfo')).get('MemAvailable') ?? 0) > 1e8)
})

test('real file systems are listed once a device; pseudo and network ones are not', () => {
  assert.deepEqual(
    parseMounts(recorded('mounts')).map(({ device, mountpoint, readOnly }) => [device, mountpoint, readOnly]),
    [
      ['/dev/vda1', '/', false],
      ['/dev/vda2', '/boot', true],
      ['/dev/vdb', '/var/lib/data base', false],
    ],
  )
})

test('traffic is read by device', () => {
  const eth0 = parseNetDev(recorded('net-dev')).find((one) => one.device === 'eth0')
  assert.deepEqual(eth0?.values, [930902608, 28081, 0, 0, 2192384, 16757, 0, 0])
})

test('disks are read in bytes and seconds; partitions, loops and memory disks are not disks', () => {
  const text = `${recorded('diskstats')} 259 0 nvme0n1 1 0 2 3 4 0 5 6 0 7 8\n 259 1 nvme0n1p1 1 0 2 3 4 0 5 6 0 7 8\n   8 1 sda1 1 0 2 3 4 0 5 6 0 7 8\n`
  const disks = parseDiskstats(text)
  assert.deepEqual(
    disks.map((one) => one.device),
    ['vda', 'nvme0n1'],
  )
  assert.deepEqual(disks[1]?.values, [1, 1024, 0.003, 4, 2560, 0.006, 0.007])
})

test('load, pressure and fields are read', () => {
  assert.deepEqual(parseLoadavg(recorded('loadavg')), [2.35, 1.24, 0.63])
  assert.deepEqual(parsePressure('some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n'), {
    some: 2.5,
    full: undefined,
  })
  assert.equal(fieldOf('oom 1\noom_kill 2\n', 'oom_kill'), 2)
  assert.equal(fieldOf(undefined, 'oom_kill'), undefined)
})
