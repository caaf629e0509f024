/** Linux' `/proc` files as facts: pure readers, one a file, lenient towards what a kernel adds. */

/** `/proc/stat` counts in ticks of USER_HZ, which is 100 on every Linux that Node runs on. */
const USER_HZ = 100
const SECTOR_BYTES = 512
export const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const

export type CpuTimes = { readonly cpu: string; readonly seconds: readonly number[] }
export type ProcStat = {
  readonly cpus: readonly CpuTimes[]
  readonly scalars: Readonly<Record<string, number>>
}

/** Times by CPU in CPU_MODES' order, and `ctxt`, `btime`, `processes`, `procs_running`, `procs_blocked`. */
export function parseStat(text: string): ProcStat {
  const cpus: CpuTimes[] = []
  const scalars: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const [name = '', ...values] = line.split(/\s+/)
    if (/^cpu\d+$/.test(name))
      cpus.push({ cpu: name.slice(3), seconds: CPU_MODES.map((_, i) => Number(values[i] ?? 0) / USER_HZ) })
    else if (/^(ctxt|btime|processes|procs_running|procs_blocked)$/.test(name)) scalars[name] = Number(values[0])
  }
  return { cpus, scalars }
}

/** Bytes by node_exporter's spelling: `Active(anon)` is `Active_anon`. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const [, name = '', value, unit] of text.matchAll(/^([\w()]+):\s+(\d+)(?: (kB))?$/gm)) {
    found.set(name.replace(/\((.*)\)/, '_$1'), Number(value) * (unit === 'kB' ? 1024 : 1))
  }
  return found
}

export type Mount = {
  readonly device: string
  readonly mountpoint: string
  readonly fstype: string
  readonly readOnly: boolean
}

/** File systems with room of their own. Network ones are left out: asking one that hangs would hang the reader. */
const NOT_REAL =
  /^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs|tmpfs|ramfs|efivarfs|nfs.*|cifs|smb.*|9p|ceph|glusterfs|afs|fuse\..*)$/

/** Mounts of `/proc/mounts`, the first of each device; the root is always among them. */
export function parseMounts(text: string): readonly Mount[] {
  const found = new Map<string, Mount>()
  for (const line of text.split('\n')) {
    const [device = '', mountpoint = '', fstype = '', options = ''] = line.split(' ')
    if (mountpoint === '') continue
    const path = mountpoint.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    const isRoot = path === '/'
    if (
      !isRoot &&
      (NOT_REAL.test(fstype) || /^\/(dev|proc|sys|run|var\/lib\/(docker|containers)|etc)($|\/)/.test(path))
    )
      continue
    const mount = { device, mountpoint: path, fstype, readOnly: options.split(',').includes('ro') }
    // In a container the root is an overlay and may be mounted over: the last one is what a path reaches.
    if (isRoot) found.set('/', mount)
    else if (!found.has(device)) found.set(device, mount)
  }
  return [...found.values()]
}

export type Traffic = { readonly device: string; readonly values: readonly number[] }
export const NETWORK_COLUMNS = [
  'receive_bytes',
  'receive_packets',
  'receive_errs',
  'receive_drop',
  'transmit_bytes',
  'transmit_packets',
  'transmit_errs',
  'transmit_drop',
] as const

/** `/proc/net/dev` in NETWORK_COLUMNS' order. */
export function parseNetDev(text: string): readonly Traffic[] {
  const found: Traffic[] = []
  for (const [, device = '', rest = ''] of text.matchAll(/^\s*([^\s:|]+):\s*(.+)$/gm)) {
    const columns = rest.trim().split(/\s+/).map(Number)
    found.push({ device, values: [0, 1, 2, 3, 8, 9, 10, 11].map((i) => columns[i] ?? 0) })
  }
  return found
}

export const DISK_COLUMNS = [
  'reads_completed',
  'read_bytes',
  'read_time_seconds',
  'writes_completed',
  'written_bytes',
  'write_time_seconds',
  'io_time_seconds',
] as const

/** `/proc/diskstats` in DISK_COLUMNS' order; whole disks, no partitions, loops or RAM disks. */
export function parseDiskstats(text: string): readonly Traffic[] {
  const found: Traffic[] = []
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/)
    const device = columns[2] ?? ''
    if (device === '' || /^(z?ram|loop|fd|(h|s|v|xv)d[a-z]+|nvme\d+n\d+p|mmcblk\d+p)\d+$/.test(device)) continue
    const at = (i: number) => Number(columns[i] ?? 0)
    found.push({
      device,
      values: [at(3), at(5) * SECTOR_BYTES, at(6) / 1000, at(7), at(9) * SECTOR_BYTES, at(10) / 1000, at(12) / 1000],
    })
  }
  return found
}

/** The three load averages. */
export function parseLoadavg(text: string): readonly number[] {
  return text.split(' ').slice(0, 3).map(Number)
}

/** Seconds that tasks waited for a resource, `/proc/pressure/*`. */
export function parsePressure(text: string): { readonly some: number | undefined; readonly full: number | undefined } {
  const seconds = (kind: string) => {
    const total = new RegExp(`^${kind} .*total=(\\d+)`, 'm').exec(text)?.[1]
    return total === undefined ? undefined : Number(total) / 1e6
  }
  return { some: seconds('some'), full: seconds('full') }
}

/** One number of a `name value` file such as `/proc/vmstat` or `memory.events`. */
export function fieldOf(text: string | undefined, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1]
  return value === undefined ? undefined : Number(value)
}
