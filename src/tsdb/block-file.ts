/** Whole reads of a file, for frames and indexes. */
import { readSync } from 'node:fs'

/** Fills `into` from `position` on. Throws when the file ends before. */
export function readAll(fd: number, into: Buffer, position: number): void {
  for (let done = 0; done < into.length; ) {
    const read = readSync(fd, into, done, into.length - done, position + done)
    if (read === 0) throw new Error(`the file ends at ${position + done}`)
    done += read
  }
}
