/** One block of a Prometheus: a folder named by a ULID with `meta.json`, `index`, `chunks/` and, after deletions, `tombstones`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32c, messageOf } from '#core'
import { compareLabels } from '#storage'
import { DamagedError } from '../codec/bytes.ts'
import type { Columns } from '../columns/weave.ts'
import { hasCode } from '../data-dir.ts'
import type { Interval } from '../deletion/tombstones.ts'
import { ChunkFiles } from './chunk-files.ts'
import { GoReader } from './go-reader.ts'
import { IndexFile, type SeriesEntry } from './index-file.ts'
import { cutColumns, leaveOut, type Skipped, type Source, type SourceSeries } from './source.ts'

const TOMBSTONES_MAGIC = 0x0130ba30

export type BlockFacts = {
  readonly ulid: string
  readonly minTime: number
  /** Exclusive. */
  readonly maxTime: number
  /** Its samples came late: it says nothing of how far the others reach. */
  readonly isOutOfOrder: boolean
  /** Blocks it was made of, when these may still be there. */
  readonly parents: readonly string[]
}

/** Throws `DamagedError` for what is no `meta.json` of version 1, and what the system says. */
export function readFacts(dir: string): BlockFacts {
  const text = readFileSync(join(dir, 'meta.json'), 'utf8')
  let meta: Record<string, unknown>
  try {
    meta = Object(JSON.parse(text))
  } catch (error) {
    throw new DamagedError(`meta.json is not JSON: ${messageOf(error)}`)
  }
  const { ulid, minTime, maxTime, version } = meta
  const compaction: Record<string, unknown> = Object(meta['compaction'])
  if (version !== 1) throw new DamagedError(`its version is ${JSON.stringify(version)}; 1 is known`)
  if (typeof ulid !== 'string' || !Number.isSafeInteger(minTime) || !Number.isSafeInteger(maxTime))
    throw new DamagedError('meta.json does not say which span it is of')
  const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
  return {
    ulid,
    minTime: Number(minTime),
    maxTime: Number(maxTime),
    isOutOfOrder: listOf(compaction['hints']).includes('from-out-of-order'),
    parents: listOf(compaction['parents']).map((parent) => String(Object(parent).ulid)),
  }
}

export class BlockSource implements Source {
  readonly name: string
  readonly minTime: number
  readonly maxTime: number
  readonly #index: IndexFile
  readonly #chunks: ChunkFiles
  readonly #tombstones: ReadonlyMap<number, readonly Interval[]>
  readonly #skipped: Skipped

  /** Throws `DamagedError`, and what the system says. */
  constructor(dir: string, { ulid, minTime, maxTime }: BlockFacts, skipped: Skipped) {
    using owned = new DisposableStack()
    this.name = ulid
    this.minTime = minTime
    this.maxTime = maxTime - 1
    this.#skipped = skipped
    this.#tombstones = readTombstones(join(dir, 'tombstones'))
    this.#index = owned.use(new IndexFile(join(dir, 'index')))
    this.#chunks = new ChunkFiles(join(dir, 'chunks'))
    owned.move()
  }

  *series(low: number, high: number): Generator<SourceSeries, void, undefined> {
    let before: SourceSeries['labels'] | undefined
    const onDamage = (what: string) => this.#skipped.add('damaged series', `${this.name}: ${what}`)
    for (const entry of this.#index.series(onDamage)) {
      const columns = this.#columns(entry, low, high)
      if (columns.length === 0) continue
      let labels: SourceSeries['labels']
      try {
        labels = entry.labels()
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error
        onDamage(error.message)
        continue
      }
      if (before !== undefined && compareLabels(before, labels) >= 0) {
        onDamage(`${labels} stands behind ${before}, out of order`)
        continue
      }
      before = labels
      yield { labels, columns }
    }
  }

  [Symbol.dispose](): void {
    this.#index[Symbol.dispose]()
    this.#chunks[Symbol.dispose]()
  }

  #columns({ id, chunks }: SeriesEntry, low: number, high: number): readonly Columns[] {
    const gone = this.#tombstones.get(id)
    const found: Columns[] = []
    for (const { minTime, maxTime, ref } of chunks) {
      if (maxTime < low || minTime > high) continue
      const whole = this.#chunks.read(ref, (what) => this.#skipped.add('damaged chunk', `${this.name}: ${what}`))
      const cut = whole === undefined ? undefined : cutColumns(whole, low, high)
      const left =
        cut === undefined || gone === undefined
          ? cut
          : leaveOut(cut, (at) => gone.some(({ from, to }) => at >= from && at <= to))
      if (left !== undefined) found.push(left)
    }
    return found
  }
}

/**
 * Spans that were deleted, by series. Throws `DamagedError`: what was deleted must not come back.
 *
 * Source: prometheus: tsdb/docs/format/tombstones.md, tsdb/tombstones/tombstones.go.
 */
function readTombstones(file: string): ReadonlyMap<number, readonly Interval[]> {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return new Map()
    throw error
  }
  if (bytes.length < 9) throw new DamagedError('its tombstones are cut')
  const reader = new GoReader(bytes, 0, bytes.length - 4)
  if (reader.be32() !== TOMBSTONES_MAGIC) throw new DamagedError('its tombstones do not begin as such')
  if (reader.u8() !== 1) throw new DamagedError('its tombstones are of a version that is not known')
  if (crc32c(bytes.subarray(5, -4)) !== bytes.readUInt32BE(bytes.length - 4))
    throw new DamagedError('its tombstones do not fit their checksum')
  const found = new Map<number, Interval[]>()
  while (reader.left > 0) {
    const id = reader.uvarint()
    const interval = { from: reader.varint(), to: reader.varint() }
    const known = found.get(id)
    if (known === undefined) found.set(id, [interval])
    else known.push(interval)
  }
  return found
}
