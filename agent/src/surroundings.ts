/**
 * What kind of process and thread this is, without loading what would tell: `node:cluster` and `node:worker_threads` take 2 ms of CPU and
 * 1 MiB of a process that uses neither (`bench/agent/start.ts`).
 *
 * Node lists the modules that it has loaded. A worker of node:cluster has loaded cluster, and a worker thread worker_threads, before the
 * first line of the application; whoever forks or starts threads has loaded them, too. Where a Node has no such list they are loaded.
 */
import type { Cluster } from 'node:cluster'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'

const load = createRequire(import.meta.url)

/** node:cluster, if anybody here has asked for it. */
export function loadedCluster(): Cluster | undefined {
  return isLoaded('cluster') ? (load('node:cluster') as Cluster) : undefined
}

export function isMainThread(): boolean {
  return !isLoaded('worker_threads') || workerThreads().isMainThread
}

/** For who has a reason to load it. */
export function workerThreads(): typeof import('node:worker_threads') {
  return load('node:worker_threads') as typeof import('node:worker_threads')
}

/** Whether a package can be found from the application's first file, or from where it was started. */
export function isInstalled(name: string): boolean {
  const here = process.cwd()
  const [, first] = process.argv
  const beside = first === undefined ? here : dirname(resolve(first))
  return isFoundFrom(beside, name) || (beside !== here && isFoundFrom(here, name))
}

function isFoundFrom(start: string, name: string): boolean {
  for (let at = start; ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules', name, 'package.json'))) return true
    if (dirname(at) === at) return false
  }
}

function isLoaded(name: string): boolean {
  const loaded: unknown = Reflect.get(process, 'moduleLoadList')
  return !Array.isArray(loaded) || loaded.includes(`NativeModule ${name}`)
}
