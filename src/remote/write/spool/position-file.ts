/**
 * Up to where a receiver has acknowledged what lies in its spool.
 *
 * - Two places are written in turn, each with a checksum: a write that is cut leaves the one before, which only means that some
 *   samples are sent twice.
 * - It is written after each acknowledged batch, 48 bytes over themselves (about 3 microseconds), and not synced: what is sent
 *   twice is equal in instant and value.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { Count } from './spool-record.ts'

/** The first byte in a segment that is not acknowledged, and how much came before it. */
export type Position = { readonly segment: number; readonly offset: number; readonly before: Count }

const SLOT_BYTES = 48
const CHECKED_BYTES = 40

export class PositionFile implements Disposable {
  readonly #fd: number
  #turn = 0
  /** As it was when the file was opened; `undefined`: there was none that holds. */
  readonly found: Position | undefined

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    const bytes = Buffer.alloc(SLOT_BYTES * 2)
    readSync(this.#fd, bytes, 0, bytes.length, 0)
    for (const slot of [bytes.subarray(0, SLOT_BYTES), bytes.subarray(SLOT_BYTES)]) {
      const turn = slot.readDoubleLE(0)
      if (crc32(slot.subarray(0, CHECKED_BYTES)) !== slot.readUInt32LE(CHECKED_BYTES) || turn <= this.#turn) continue
      this.#turn = turn
      this.found = {
        segment: slot.readDoubleLE(8),
        offset: slot.readDoubleLE(16),
        before: { samples: slot.readDoubleLE(24), histograms: slot.readDoubleLE(32) },
      }
    }
  }

  /** Throws what the disk says. */
  write({ segment, offset, before }: Position): void {
    const slot = Buffer.alloc(SLOT_BYTES)
    slot.writeDoubleLE(this.#turn + 1, 0)
    slot.writeDoubleLE(segment, 8)
    slot.writeDoubleLE(offset, 16)
    slot.writeDoubleLE(before.samples, 24)
    slot.writeDoubleLE(before.histograms, 32)
    slot.writeUInt32LE(crc32(slot.subarray(0, CHECKED_BYTES)), CHECKED_BYTES)
    writeSync(this.#fd, slot, 0, SLOT_BYTES, ((this.#turn + 1) % 2) * SLOT_BYTES)
    this.#turn++
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}
