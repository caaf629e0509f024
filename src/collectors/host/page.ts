/** The host's facts as a page, by node_exporter's names, so that dashboards and alerts made for it work. */
import { PageWriter, type UnixMs } from '#core'
import {
  CPU_MODES,
  DISK_COLUMNS,
  fieldOf,
  type Mount,
  NETWORK_COLUMNS,
  parseDiskstats,
  parseLoadavg,
  parseMeminfo,
  parseNetDev,
  parsePressure,
  parseStat,
} from './proc.ts'

/** Texts of the files that were there. */
export type ProcFiles = Readonly<Partial<Record<ProcFile, string>>>
export const PROC_FILES = {
  stat: '/proc/stat',
  meminfo: '/proc/meminfo',
  loadavg: '/proc/loadavg',
  netdev: '/proc/net/dev',
  diskstats: '/proc/diskstats',
  mounts: '/proc/mounts',
  vmstat: '/proc/vmstat',
  filenr: '/proc/sys/fs/file-nr',
  pressureCpu: '/proc/pressure/cpu',
  pressureMemory: '/proc/pressure/memory',
  pressureIo: '/proc/pressure/io',
  cgroupCpuMax: '/sys/fs/cgroup/cpu.max',
  cgroupCpuStat: '/sys/fs/cgroup/cpu.stat',
  cgroupMemoryMax: '/sys/fs/cgroup/memory.max',
  cgroupMemoryCurrent: '/sys/fs/cgroup/memory.current',
  cgroupMemoryEvents: '/sys/fs/cgroup/memory.events',
} as const
export type ProcFile = keyof typeof PROC_FILES

export type Space = {
  readonly mount: Mount
  readonly sizeBytes: number
  readonly freeBytes: number
  readonly availableBytes: number
  readonly files: number
  readonly filesFree: number
}
export type HostFacts = {
  readonly files: ProcFiles
  readonly spaces: readonly Space[]
  readonly now: UnixMs
  readonly uname: Readonly<Record<string, string>>
}

export function hostPage({ files, spaces, now, uname }: HostFacts): string {
  const page = new PageWriter()
  page.single('node_time_seconds', 'gauge', 'The time of the host.', now / 1000)
  page.family('node_uname_info', 'gauge', 'What the host is.').sample(1, uname)
  if (files.stat !== undefined) writeStat(page, files.stat)
  if (files.loadavg !== undefined) writeLoad(page, parseLoadavg(files.loadavg))
  if (files.meminfo !== undefined) {
    for (const [name, bytes] of parseMeminfo(files.meminfo)) {
      const counted = name.startsWith('HugePages_')
      page.single(`node_memory_${name}${counted ? '' : '_bytes'}`, 'gauge', `Memory: ${name}.`, bytes)
    }
  }
  writeSpaces(page, spaces)
  if (files.netdev !== undefined) {
    const traffic = parseNetDev(files.netdev)
    NETWORK_COLUMNS.forEach((column, i) => {
      page.family(`node_network_${column}_total`, 'counter', `Network: ${column.replace('_', ' ')}.`)
      for (const { device, values } of traffic) page.sample(values[i], { device })
    })
  }
  if (files.diskstats !== undefined) {
    const disks = parseDiskstats(files.diskstats)
    DISK_COLUMNS.forEach((column, i) => {
      page.family(`node_disk_${column}_total`, 'counter', `Disk: ${column.replaceAll('_', ' ')}.`)
      for (const { device, values } of disks) page.sample(values[i], { device })
    })
  }
  writeRest(page, files)
  writeCgroup(page, files)
  return String(page)
}

/** Load averages by node_exporter's names. */
export function writeLoad(page: PageWriter, averages: readonly number[]): void {
  for (const [i, minutes] of [1, 5, 15].entries())
    page.single(`node_load${minutes}`, 'gauge', `Load average of ${minutes} min.`, averages[i])
}

/** Room of the file systems. */
export function writeSpaces(page: PageWriter, spaces: readonly Space[]): void {
  const columns: readonly (readonly [string, string, (space: Space) => number])[] = [
    ['size_bytes', 'Size.', (space) => space.sizeBytes],
    ['free_bytes', 'Free, for root too.', (space) => space.freeBytes],
    ['avail_bytes', 'Free for everybody.', (space) => space.availableBytes],
    ['files', 'Inodes.', (space) => space.files],
    ['files_free', 'Free inodes.', (space) => space.filesFree],
    ['readonly', 'Whether it is mounted read-only.', (space) => Number(space.mount.readOnly)],
  ]
  for (const [name, help, of] of columns) {
    page.family(`node_filesystem_${name}`, 'gauge', help)
    for (const space of spaces) {
      const { device, fstype, mountpoint } = space.mount
      page.sample(of(space), { device, fstype, mountpoint })
    }
  }
}

function writeStat(page: PageWriter, text: string): void {
  const { cpus, scalars } = parseStat(text)
  page.family('node_cpu_seconds_total', 'counter', 'Seconds of each CPU by mode.')
  for (const { cpu, seconds } of cpus)
    for (const [i, mode] of CPU_MODES.entries()) page.sample(seconds[i], { cpu, mode })
  page.single('node_boot_time_seconds', 'gauge', 'When the host was started.', scalars['btime'])
  page.single('node_context_switches_total', 'counter', 'Context switches.', scalars['ctxt'])
  page.single('node_forks_total', 'counter', 'Processes ever started.', scalars['processes'])
  page.single('node_procs_running', 'gauge', 'Processes that run or could.', scalars['procs_running'])
  page.single('node_procs_blocked', 'gauge', 'Processes that wait for input or output.', scalars['procs_blocked'])
}

function writeRest(page: PageWriter, files: ProcFiles): void {
  for (const name of ['oom_kill', 'pgmajfault', 'pswpin', 'pswpout']) {
    page.single(`node_vmstat_${name}`, 'untyped', `/proc/vmstat: ${name}.`, fieldOf(files.vmstat, name))
  }
  const [allocated, , maximum] = (files.filenr ?? '').trim().split(/\s+/)
  if (allocated) page.single('node_filefd_allocated', 'gauge', 'Open files of the host.', Number(allocated))
  if (maximum) page.single('node_filefd_maximum', 'gauge', 'Most open files of the host.', Number(maximum))
  const pressures = [
    ['cpu', files.pressureCpu],
    ['memory', files.pressureMemory],
    ['io', files.pressureIo],
  ] as const
  for (const [resource, text] of pressures) {
    if (text === undefined) continue
    const { some, full } = parsePressure(text)
    page.single(
      `node_pressure_${resource}_waiting_seconds_total`,
      'counter',
      `Time that some task waited for ${resource}.`,
      some,
    )
    if (resource !== 'cpu')
      page.single(
        `node_pressure_${resource}_stalled_seconds_total`,
        'counter',
        `Time that all tasks waited for ${resource}.`,
        full,
      )
  }
}

/** Limits of the container that assay runs in; outside of one these files are not there, or say `max`. */
function writeCgroup(page: PageWriter, files: ProcFiles): void {
  const [quota, period] = (files.cgroupCpuMax ?? 'max').trim().split(' ')
  if (quota !== 'max' && period !== undefined)
    page.single(
      'assay_host_cgroup_cpu_limit_cores',
      'gauge',
      'CPUs this container may use.',
      Number(quota) / Number(period),
    )
  const usage = fieldOf(files.cgroupCpuStat, 'usage_usec')
  page.single(
    'assay_host_cgroup_cpu_seconds_total',
    'counter',
    'CPU time of this container.',
    usage === undefined ? undefined : usage / 1e6,
  )
  const throttled = fieldOf(files.cgroupCpuStat, 'throttled_usec')
  page.single(
    'assay_host_cgroup_cpu_throttled_seconds_total',
    'counter',
    'Time this container was held back.',
    throttled === undefined ? undefined : throttled / 1e6,
  )
  const max = files.cgroupMemoryMax?.trim()
  if (max !== undefined && max !== 'max')
    page.single('assay_host_cgroup_memory_limit_bytes', 'gauge', 'Memory this container may use.', Number(max))
  if (files.cgroupMemoryCurrent !== undefined) {
    page.single(
      'assay_host_cgroup_memory_bytes',
      'gauge',
      'Memory this container uses.',
      Number(files.cgroupMemoryCurrent.trim()),
    )
  }
  page.single(
    'assay_host_cgroup_oom_kills_total',
    'counter',
    'Processes of this container ended for lack of memory.',
    fieldOf(files.cgroupMemoryEvents, 'oom_kill'),
  )
}
