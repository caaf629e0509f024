/**
 * Who holds a port, as far as Linux tells us: the kernel's table of listening sockets gives the socket's inode, the open
 * files of processes give who has it. Elsewhere, and for other users' processes, nobody is named.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'

const LISTEN = '0A'

/** For a message: `process 4711 (node)`; `undefined` when nothing tells. */
export async function portHolder(port: number): Promise<string | undefined> {
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '')
    for (const inode of listeningInodes(text, port)) inodes.add(`socket:[${inode}]`)
  }
  if (inodes.size === 0) return undefined
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
      if (!inodes.has(link)) continue
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')
      return `process ${pid} (${name.trim()})`
    }
  }
  return undefined
}

/** Inodes of the sockets that listen on `port`, from the text of `/proc/net/tcp`. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return table.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/)
    const [, local, , state] = columns
    const inode = columns[9]
    return state === LISTEN && local?.endsWith(`:${wanted}`) && inode !== undefined ? [inode] : []
  })
}
