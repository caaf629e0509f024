/**
 * Which process a pid means. Pids are used again; a pid together with its start time is not.
 *
 * A process that has ended but was not yet collected by its parent (a zombie) counts as gone.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** What one process and no later one is known by; `undefined` when there is no such process. */
export function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    const fields = statOf(pid)
    return fields === undefined ? undefined : `${bootId()}/${fields[19]}`
  }
  try {
    const [state = '', ...started] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
    })
      .trim()
      .split(/\s+/)
    return state.startsWith('Z') || started.length === 0 ? undefined : started.join(' ')
  } catch {
    return undefined
  }
}

/** Children, their children, and so on; the process itself is not among them. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = parentsOfAll()
  const found: number[] = []
  for (let queue = [pid]; queue.length > 0; ) {
    const children = queue.flatMap((parent) => [...parents].filter(([, of]) => of === parent).map(([child]) => child))
    found.push(...children)
    queue = children
  }
  return found
}

function parentsOfAll(): ReadonlyMap<number, number> {
  if (process.platform === 'linux') {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return new Map(pids.map((name) => [Number(name), Number(statOf(Number(name))?.[1] ?? -1)]))
  }
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  return new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]))
}

/** The fields of /proc/PID/stat after the name (which may hold spaces): state first, parent second, start time twentieth. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields
  } catch {
    return undefined
  }
}

let boot: string | undefined
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return boot
}
