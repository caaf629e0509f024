/**
 * What a container allows this process, and what it uses of it: cgroup version 2, version 1, and both at once.
 *
 * - A limit of any cgroup above holds too, so the smallest on the way up is taken. Inside a container the path that the process sees
 *   is often not there; the walk up ends at the mount, which is the container's own group.
 * - "No limit" is `max` (version 2), -1 or a number beyond any machine (version 1): all are undefined here.
 * - Usage is the group's nearest to the process: it counts all of its processes, and the page cache they cannot do without
 *   (the kubelet's working set: usage without inactive file pages).
 */
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'

/** The text of a file, or undefined when it cannot be read. */
export type Read = (path: string) => string | undefined

export type CgroupLimits = { readonly cpuCores: number | undefined; readonly memoryBytes: number | undefined }

/** Seconds and bytes; undefined: the kernel does not tell it here. */
export type CgroupUsage = {
  readonly memoryBytes: number | undefined
  readonly workingSetBytes: number | undefined
  readonly throttledSeconds: number | undefined
  readonly throttledPeriods: number | undefined
  readonly periods: number | undefined
  readonly oomKills: number | undefined
}

const MOUNT = '/sys/fs/cgroup'
/** Version 1 writes the greatest multiple of a page below 2^63. */
const UNLIMITED_BYTES = 2 ** 62

/** Where a controller is told of. */
type Place = { readonly folder: string; readonly file: string; readonly version: 1 | 2 }
/** A group of the process, per controller: its folder and those above, nearest first. */
type Group = { readonly version: 1 | 2; readonly controllers: readonly string[]; readonly path: string }

export function cgroupLimits(read: Read = tryRead): CgroupLimits {
  const groups = groupsOf(read)
  return { cpuCores: cpuQuota(groups, read), memoryBytes: memoryLimit(groups, read) }
}

function cpuQuota(groups: readonly Group[], read: Read): number | undefined {
  return least(groups, 'cpu', (folder, version) => {
    if (version === 2) {
      const [, quota, period] = /^(\d+) (\d+)/.exec(read(posix.join(folder, 'cpu.max')) ?? '') ?? []
      return quota === undefined ? undefined : Number(quota) / Number(period)
    }
    const quota = Number(read(posix.join(folder, 'cpu.cfs_quota_us')))
    const period = Number(read(posix.join(folder, 'cpu.cfs_period_us')))
    return quota > 0 && period > 0 ? quota / period : undefined
  })
}

function memoryLimit(groups: readonly Group[], read: Read): number | undefined {
  return least(groups, 'memory', (folder, version) => {
    const bytes = numberIn(read(posix.join(folder, version === 2 ? 'memory.max' : 'memory.limit_in_bytes')))
    return bytes !== undefined && bytes < UNLIMITED_BYTES ? bytes : undefined
  })
}

/**
 * Reads what the group uses. Where its files are is looked for once, and again when they are gone: in a container the walk up tries
 * folders that are not there, each of which would cost more than all that is read.
 */
export function cgroupUsageReader(read: Read = tryRead): () => CgroupUsage {
  let memory: Place | undefined
  let cpu: Place | undefined
  return () => {
    if (memory === undefined || read(memory.file) === undefined) {
      const groups = groupsOf(read)
      memory = nearest(groups, 'memory', read, { 1: 'memory.usage_in_bytes', 2: 'memory.current' })
      cpu = nearest(groups, 'cpu', read, { 1: 'cpu.stat', 2: 'cpu.stat' })
    }
    return usageAt(memory, cpu, read)
  }
}

function usageAt(memory: Place | undefined, cpu: Place | undefined, read: Read): CgroupUsage {
  const memoryBytes = memory === undefined ? undefined : numberIn(read(memory.file))
  const cpuStat = cpu === undefined ? undefined : read(cpu.file)
  const stat = memory === undefined ? undefined : read(posix.join(memory.folder, 'memory.stat'))
  const inactive = fieldIn(stat, memory?.version === 2 ? 'inactive_file' : 'total_inactive_file')
  const throttled = fieldIn(cpuStat, 'throttled_usec')
  const throttledV1 = fieldIn(cpuStat, 'throttled_time')
  const oom =
    memory === undefined
      ? undefined
      : read(posix.join(memory.folder, memory.version === 2 ? 'memory.events' : 'memory.oom_control'))
  return {
    memoryBytes,
    workingSetBytes:
      memoryBytes === undefined || inactive === undefined ? undefined : Math.max(0, memoryBytes - inactive),
    throttledSeconds:
      throttled !== undefined ? throttled / 1e6 : throttledV1 === undefined ? undefined : throttledV1 / 1e9,
    throttledPeriods: fieldIn(cpuStat, 'nr_throttled'),
    periods: fieldIn(cpuStat, 'nr_periods'),
    oomKills: fieldIn(oom, 'oom_kill'),
  }
}

function groupsOf(read: Read): readonly Group[] {
  const groups: Group[] = []
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (id === undefined || controllers === undefined || path === undefined) continue
    if (id === '0' && controllers === '') groups.push({ version: 2, controllers: [''], path })
    else groups.push({ version: 1, controllers: controllers.split(','), path })
  }
  return groups
}

/** The folders in which a controller of that name may be told, from the process's group up to the mount. */
function* foldersOf({ version, controllers, path }: Group, controller: string): Generator<string> {
  if (version === 1 && !controllers.includes(controller)) return
  // Debian and others mount cpu together with cpuacct, under one name or under both.
  const mounts =
    version === 2 ? [MOUNT, `${MOUNT}/unified`] : [`${MOUNT}/${controller}`, `${MOUNT}/${controllers.join(',')}`]
  for (const mount of new Set(mounts)) {
    for (let folder = path; ; folder = posix.dirname(folder)) {
      yield posix.join(mount, folder)
      if (folder === '/' || folder === '.' || folder === '') break
    }
  }
}

function least(
  groups: readonly Group[],
  controller: string,
  limit: (folder: string, version: 1 | 2) => number | undefined,
): number | undefined {
  let smallest: number | undefined
  for (const group of groups) {
    for (const folder of foldersOf(group, controller)) {
      const found = limit(folder, group.version)
      if (found !== undefined) smallest = Math.min(smallest ?? found, found)
    }
  }
  return smallest
}

function nearest(
  groups: readonly Group[],
  controller: string,
  read: Read,
  names: Readonly<Record<1 | 2, string>>,
): Place | undefined {
  for (const group of groups) {
    for (const folder of foldersOf(group, controller)) {
      const file = posix.join(folder, names[group.version])
      if (read(file) !== undefined) return { folder, file, version: group.version }
    }
  }
  return undefined
}

function numberIn(text: string | undefined): number | undefined {
  const found = /^\s*(\d+)\s*$/.exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

/** The number behind a key of a file with lines `key number`. */
function fieldIn(text: string | undefined, key: string): number | undefined {
  const found = new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

export function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
