/** A block's tombstones: `tombstones.bin` in its folder, the one file that may be added to a finished block. Drawn in docs/formats/tombstones.md. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BlockCorruptError } from '../block/block-error.ts'
import { ByteReader, ByteWriter, DamagedError } from '../codec/bytes.ts'
import { readChecked, writeChecked } from './checked-file.ts'
import { Tombstones } from './tombstones.ts'

export const TOMBSTONES_FILE = 'tombstones.bin'
const MAGIC = Buffer.from('ASYTMB\x00\x01', 'latin1')

/** None when there is no such file. Rejects with `ASSAY_TSDB_CORRUPT`: a block must not serve what was deleted. */
export async function readBlockTombstones(dir: string): Promise<Tombstones> {
  // Left behind by a write that was interrupted.
  await rm(join(dir, `${TOMBSTONES_FILE}.tmp`), { force: true })
  try {
    const content = await readChecked(join(dir, TOMBSTONES_FILE), MAGIC)
    return content === undefined ? Tombstones.none : Tombstones.read(new ByteReader(content))
  } catch (error) {
    if (error instanceof DamagedError) throw new BlockCorruptError(dir, `${TOMBSTONES_FILE} cannot be read`, error)
    throw error
  }
}

/** Rejects with what the disk said. `onThere`: as for `writeChecked`. */
export async function writeBlockTombstones(dir: string, tombstones: Tombstones, onThere?: () => void): Promise<void> {
  const out = new ByteWriter(4096)
  tombstones.write(out)
  await writeChecked(join(dir, TOMBSTONES_FILE), MAGIC, out.view(), onThere)
}
