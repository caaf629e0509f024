/**
 * What kind of process and thread this is, without loading what would tell: `node:cluster` and `node:worker_threads` take 2 ms of CPU and
 * 1 MiB of a process that uses neither (`bench/agent/start.ts`).
 *
 * Node lists the modules that it has loaded. A worker of node:cluster has loaded cluster, and a worker thread worker_threads, before the
 * first line of the application; whoever forks or starts threads has loaded them, too. Where a Node has no such list they are loaded.
 */
import type { Cluster } from 'node:cluster'
import { existsSync, readFileSync } from 'node:fs'
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

/**
 * Whether the application uses a package: it is installed, and a package.json names it, beside the application's first file, beside where it
 * was started, or above. Only installed are also the packages of its packages.
 */
export function isUsed(name: string): boolean {
  const here = process.cwd()
  const [, first] = process.argv
  const beside = first === undefined ? here : dirname(resolve(first))
  return isUsedFrom(beside, name) || (beside !== here && isUsedFrom(here, name))
}

function isUsedFrom(start: string, name: string): boolean {
  for (let at = start; ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules', name, 'package.json'))) break
    if (dirname(at) === at) return false
  }
  for (let at = start; ; at = dirname(at)) {
    // As a key of any kind of dependencies; what else is named so costs a look at modules, no more.
    if (textOf(join(at, 'package.json')).includes(`"${name}":`)) return true
    if (dirname(at) === at) return false
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function isLoaded(name: string): boolean {
  const loaded: unknown = Reflect.get(process, 'moduleLoadList')
  return !Array.isArray(loaded) || loaded.includes(`NativeModule ${name}`)
}
