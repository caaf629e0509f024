/**
 * What this process may use: CPU from the cgroup's quota (version 2, then 1), memory from its limit, else what the machine has.
 *
 * A limit of any cgroup above holds too, so the smallest on the way up is taken. Read at scrape, at most every REFRESH_MS: a
 * container's limits can change while it runs.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { posix } from 'node:path'

export type Limits = { readonly cpuCores: number; readonly memoryBytes: number }

const REFRESH_MS = 30_000

export function limitsReader(read: (path: string) => string | undefined = tryRead): (nowMs: number) => Limits {
  let last: Limits | undefined
  let readAt = 0
  return (nowMs) => {
    if (last === undefined || nowMs - readAt >= REFRESH_MS) {
      last = {
        cpuCores: Math.min(cpuQuota(read) ?? Number.POSITIVE_INFINITY, availableParallelism()),
        memoryBytes: memoryLimit(),
      }
      readAt = nowMs
    }
    return last
  }
}

/** Cores allowed by cgroup quotas; undefined when there is none. */
export function cpuQuota(read: (path: string) => string | undefined): number | undefined {
  let least: number | undefined
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [id, controllers = '', path = ''] = line.split(/:([^:]*):(.*)/)
    const quota =
      id === '0' && controllers === ''
        ? (folder: string) => quotaV2(read(posix.join('/sys/fs/cgroup', folder, 'cpu.max')))
        : controllers.split(',').includes('cpu')
          ? (folder: string) => quotaV1(read, folder)
          : undefined
    if (quota === undefined) continue
    for (let folder = path; ; folder = posix.dirname(folder)) {
      const cores = quota(folder)
      if (cores !== undefined) least = Math.min(least ?? cores, cores)
      if (folder === '/' || folder === '.' || folder === '') break
    }
  }
  return least
}

function quotaV2(text: string | undefined): number | undefined {
  const [, quota, period] = /^(\d+) (\d+)/.exec(text ?? '') ?? []
  return quota === undefined ? undefined : Number(quota) / Number(period)
}

function quotaV1(read: (path: string) => string | undefined, folder: string): number | undefined {
  const base = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'].find(
    (path) => read(`${path}/cpu.cfs_period_us`) !== undefined,
  )
  if (base === undefined) return undefined
  const quota = Number(read(posix.join(base, folder, 'cpu.cfs_quota_us')))
  const period = Number(read(posix.join(base, folder, 'cpu.cfs_period_us')))
  return quota > 0 && period > 0 ? quota / period : undefined
}

/** The cgroup's limit when there is one; "no limit" comes as a number far beyond any machine. */
function memoryLimit(): number {
  const limit = process.constrainedMemory()
  const total = totalmem()
  return limit !== undefined && limit > 0 && limit < total ? limit : total
}

export function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
