/**
 * A disk that ends or refuses at a chosen change: the n-th write, rename, deletion, ... below a folder.
 *
 * - It stands between the process and the system's calls, which are replaced while it is installed, and counts what would change a file
 *   below the folder that is armed. Everything else goes through untouched.
 * - `crash`: at that change the folder is copied as it is, with a share of the write's bytes in it, or of a deletion's files gone. The
 *   process goes on and knows nothing: the copy is what a death at that moment would have left.
 * - `refuse`: that change and some after it fail with EIO, a write after a share of its bytes, as real ones do.
 * - `slow`: that change and all after it take so long: those that block, block.
 * - One change at a time: while another is on its way the next one is taken, so that a copy is a state that there was.
 *
 * It changes the process, so a file that installs it has a process of its own (`*.integration.test.ts`).
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export type Fault = {
  readonly kind: 'crash' | 'refuse' | 'slow'
  /** The number of the change, from 0. */
  readonly at: number
  /** In [0, 1]: how much of a write reaches the file, or of a deletion is done. */
  readonly tear: number
  /** How many changes are refused; left out: one. */
  readonly times?: number
  /** What the system says of a refusal; left out: an error of the device. */
  readonly code?: 'EIO' | 'EROFS'
  /** How long a change of a slow disk takes. */
  readonly delayMs?: number
}

type Armed = Fault & { readonly below: string; readonly into: string; seen: number; done: number }
type Call = (...args: unknown[]) => unknown
type Change = { readonly name: string; readonly path: string; readonly bytes?: Uint8Array; readonly isTree?: boolean }
type Calls = Record<string, Call>

const SAID = { EIO: 'i/o error', EROFS: 'read-only file system' } as const
/** The lock dies with its process; the process of a test lives on. */
const LOCK = /\/lock(\.[^/]*)?$/

const { cpSync, readdirSync, rmSync, writeSync, readlinkSync, closeSync, openSync } = fs

export class FaultDisk implements Disposable {
  #armed: Armed | undefined
  #underWay = 0
  readonly #paths = new WeakMap<object, string>()
  readonly #undo: (() => void)[] = []

  private constructor() {}

  static async install(): Promise<FaultDisk> {
    const disk = new FaultDisk()
    const promises = fs.promises as unknown as Calls
    const sync = fs as unknown as Calls
    const handle = await fs.promises.open(import.meta.filename)
    const handles = Object.getPrototypeOf(handle) as Calls
    await handle.close()
    for (const name of ['rename', 'rm', 'mkdir', 'link', 'copyFile', 'writeFile', 'truncate', 'unlink'])
      disk.#replace(
        promises,
        name,
        (original) =>
          (...args) =>
            disk.#later(changeOf(name, args), () => original(...args)),
      )
    disk.#replace(promises, 'open', (original) => async (...args) => {
      const [path, flags] = args
      const isChange = flags !== undefined && flags !== 'r'
      const opened = (await (isChange
        ? disk.#later({ name: 'open', path: String(path) }, () => original(...args))
        : original(...args))) as object
      disk.#paths.set(opened, String(path))
      return opened
    })
    for (const name of ['write', 'writeFile', 'appendFile', 'sync', 'datasync'])
      disk.#replace(handles, name, (original) => {
        return function write(this: { readonly fd: number }, ...args: unknown[]) {
          const bytes = bytesOf(args[0])
          const change = { name, path: disk.#paths.get(this) ?? '', bytes }
          return disk.#later(change, () => original.apply(this, args), this.fd)
        }
      })
    for (const name of ['renameSync', 'rmSync', 'openSync'])
      disk.#replace(sync, name, (original) => (...args) => {
        const isChange = name !== 'openSync' || (typeof args[1] === 'number' && (args[1] & fs.constants.O_CREAT) !== 0)
        if (isChange) disk.#block(changeOf(name, args))
        return original(...args)
      })
    disk.#replace(sync, 'writeSync', (original) => (...args) => {
      const fd = args[0] as number
      if (disk.#armed !== undefined) disk.#block({ name: 'write', path: pathOf(fd), bytes: bytesOf(args[1]) }, fd)
      return original(...args)
    })
    disk.#replace(sync, 'ftruncateSync', (original) => (...args) => {
      if (disk.#armed !== undefined) disk.#block({ name: 'ftruncate', path: pathOf(args[0] as number) })
      return original(...args)
    })
    syncBuiltinESMExports()
    return disk
  }

  /** From now on changes below `below` are counted. A copy goes to `into`. */
  arm(below: string, into: string, fault: Fault): void {
    this.#armed = { ...fault, below, into, seen: 0, done: 0 }
  }

  /** Whether the copy of a crash was made, or something refused. */
  get struck(): boolean {
    return (this.#armed?.done ?? 0) > 0
  }

  /** Whether, on the disk, the process is dead. */
  get crashed(): boolean {
    return this.struck && this.#armed?.kind === 'crash'
  }

  /** Whether it came to the fault; from now on nothing happens. */
  disarm(): boolean {
    const { struck } = this
    this.#armed = undefined
    return struck
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.toReversed()) undo()
    syncBuiltinESMExports()
  }

  #replace(owner: Calls, name: string, make: (original: Call) => Call): void {
    const original = owner[name]!
    owner[name] = make(owner === Object(fs.promises) || owner === Object(fs) ? original.bind(owner) : original)
    this.#undo.push(() => {
      owner[name] = original
    })
  }

  async #later(change: Change, run: () => unknown, fd?: number): Promise<unknown> {
    this.#before(change, fd)
    this.#underWay++
    const delayMs = this.#delayOf(change)
    try {
      if (delayMs > 0) await wait(delayMs)
      return await run()
    } finally {
      this.#underWay--
    }
  }

  #delayOf({ path }: Change): number {
    const armed = this.#armed
    return armed?.kind === 'slow' && isBelow(path, armed.below) ? (armed.delayMs ?? 0) : 0
  }

  /** Of changes that block. */
  #block(change: Change, fd?: number): void {
    this.#before(change, fd)
    const delayMs = this.#delayOf(change)
    if (delayMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs)
  }

  #before(change: Change, fd?: number): void {
    const armed = this.#armed
    if (armed === undefined || armed.kind === 'slow' || !isBelow(change.path, armed.below)) return
    if (armed.seen++ < armed.at || armed.done >= (armed.kind === 'crash' ? 1 : (armed.times ?? 1))) return
    if (armed.kind === 'crash') {
      if (this.#underWay > 0) return
      armed.done++
      copyTree(armed.below, armed.into)
      tear(change, join(armed.into, relative(armed.below, change.path)), armed.tear)
      return
    }
    armed.done++
    const part = change.bytes?.subarray(0, Math.floor(change.bytes.length * armed.tear))
    if (fd !== undefined && part !== undefined && part.length > 0) writeSync(fd, part)
    const { code = 'EIO' } = armed
    throw Object.assign(new Error(`${code}: ${SAID[code]}, ${change.name} '${change.path}'`), { code })
  }
}

function isBelow(path: string, folder: string): boolean {
  return `${path}/`.startsWith(`${folder}/`) && !LOCK.test(path)
}

/** As a process that died leaves it: without its lock, which would be found to be of a process that lives. */
export function copyTree(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !LOCK.test(path) })
}

function changeOf(name: string, args: readonly unknown[]): Change {
  const options = args[1] as { readonly recursive?: boolean } | undefined
  // What links, renames and copies give is at their second path.
  const path = ['rename', 'renameSync', 'link', 'copyFile'].includes(name) ? args[1] : args[0]
  return { name, path: String(path), ...(name.startsWith('rm') && options?.recursive === true ? { isTree: true } : {}) }
}

function bytesOf(data: unknown): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data instanceof Uint8Array ? data : new Uint8Array(0)
}

function pathOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`)
}

/** What of the change there is in the copy. */
function tear({ bytes, isTree }: Change, path: string, share: number): void {
  if (bytes !== undefined) {
    const part = bytes.subarray(0, Math.round(bytes.length * share))
    if (part.length === 0) return
    fs.mkdirSync(dirname(path), { recursive: true })
    const fd = openSync(path, 'a')
    writeSync(fd, part)
    closeSync(fd)
  } else if (isTree === true) {
    const files = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    // In some order: the system's is its own affair.
    const start = Math.floor(share * 7919) % Math.max(1, files.length)
    const ordered = [...files.slice(start), ...files.slice(0, start)]
    for (const file of ordered.slice(0, Math.round(files.length * share))) rmSync(file)
  }
}
