/**
 * What kind of process and thread this is, without loading what would tell: `node:cluster` and `node:worker_threads` take 2 ms of CPU and
 * 1 MiB of a process that uses neither (`bench/agent/start.ts`).
 *
 * Node lists the modules that it has loaded. A worker of node:cluster has loaded cluster, and a worker thread worker_threads, before the
 * first line of the application; whoever forks or starts threads has loaded them, too. Where a Node has no such list they are loaded.
 */
import type { Cluster } from 'node:cluster'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** node:cluster, if anybody here has asked for it. */
export function loadedCluster(): Cluster | undefined {
  return isLoaded('cluster') ? (require('node:cluster') as Cluster) : undefined
}

export function isMainThread(): boolean {
  return !isLoaded('worker_threads') || workerThreads().isMainThread
}

/** For who has a reason to load it. */
export function workerThreads(): typeof import('node:worker_threads') {
  return require('node:worker_threads') as typeof import('node:worker_threads')
}

function isLoaded(name: string): boolean {
  const loaded: unknown = Reflect.get(process, 'moduleLoadList')
  return !Array.isArray(loaded) || loaded.includes(`NativeModule ${name}`)
}
