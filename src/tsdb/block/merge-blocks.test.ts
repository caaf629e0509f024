import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Labels } from '#core'
import { sampleHistogram } from '#storage'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { Block } from './block.ts'
import { blockName, type Late } from './block-meta.ts'
import { writeBlock } from './block-writer.ts'
import { ByteCache } from './byte-cache.ts'
import { mergeBlocks } from './merge-blocks.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-merge-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const caches = { indexes: new ByteCache<never>(1 << 20), frames: new ByteCache<never>(1 << 20) }
const forever = new AbortController().signal
const SPAN = 1000

type Shape = { readonly count: number; readonly late?: Late; readonly hasHistograms?: boolean }

/** Blocks one behind the other, each with a series of its own beside two that are in all. */
async function blocksOf(dir: string, shapes: readonly Shape[]): Promise<Block[]> {
  const blocks: Block[] = []
  for (const [b, { count, late, hasHistograms = false }] of shapes.entries()) {
    const series = ['all_1', 'all_2', `own_${b}`].map(
      (name): SeriesColumns => ({
        labels: Labels.of({ __name__: name }),
        timestamps: Float64Array.from({ length: count }, (_, k) => b * SPAN + k),
        values: Float64Array.from({ length: count }, (_, k) => (k * k) % 91),
        ...(hasHistograms ? { histograms: Array.from({ length: count }, (_, k) => sampleHistogram([k])) } : {}),
        count,
      }),
    )
    const span = { start: b * SPAN, end: (b + 1) * SPAN, merged: 1, late }
    await writeBlock(dir, span, series, forever)
    blocks.push(await Block.open(join(dir, blockName(span)), caches))
  }
  return blocks
}

async function merge(shapes: readonly Shape[]) {
  const dir = join(root, `${dirs++}`)
  const blocks = await blocksOf(dir, shapes)
  const span = { start: 0, end: shapes.length * SPAN, merged: shapes.length }
  await mergeBlocks(dir, span, blocks, forever)
  const merged = await Block.open(join(dir, blockName(span)), caches)
  await merged.verify()
  return { blocks, merged, windows: merged.index().windowCount }
}

test('where chunks are long a merge copies frames byte by byte and keeps the windows', async () => {
  const { blocks, merged, windows } = await merge([{ count: 500 }, { count: 400 }, { count: 300 }])
  const framesOf = (block: Block) =>
    Array.from({ length: block.index().frameCount }, (_, i) => block.packedFrame(i).toString('hex'))
  assert.deepEqual(framesOf(merged), blocks.flatMap(framesOf))
  assert.equal(windows, 3)
  assert.deepEqual(
    merged.select([], 0, Infinity).map(({ labels, maxCount }) => [labels.name, maxCount]),
    [
      ['all_1', 1200],
      ['all_2', 1200],
      ['own_0', 500],
      ['own_1', 400],
      ['own_2', 300],
    ],
  )
})

test('where chunks are short they are joined into one', async () => {
  const { merged, windows } = await merge([{ count: 50 }, { count: 40 }, { count: 30 }])
  assert.equal(windows, 1)
  assert.deepEqual(
    [...merged.directories()].map(({ chunkCount, series }) => [chunkCount, [...series]]),
    [[5, [0, 1, 2, 3, 4]]],
  )
})

test('behind late samples histograms are written anew, and the first one of the next block says nothing of a reset', async () => {
  const { merged, windows } = await merge([
    { count: 300, late: 'some', hasHistograms: true },
    { count: 300, hasHistograms: true },
  ])
  assert.equal(windows, 1)
  const hints = [...merged.all()]
    .filter(({ labels }) => labels.name === 'all_1')
    .flatMap(({ histograms, count }) => histograms!.slice(0, count).map((one) => one?.resetHint))
  assert.equal(hints.length, 600)
  assert.equal(hints[300], 'unknown')
})

test('a merge stops at a damaged frame of a source instead of copying it', async () => {
  const dir = join(root, `${dirs++}`)
  const blocks = await blocksOf(dir, [{ count: 300 }, { count: 300 }])
  const path = join(blocks[1]!.dir, 'chunks.bin')
  const bytes = await readFile(path)
  bytes[10]! ^= 1
  await writeFile(path, bytes)
  await assert.rejects(mergeBlocks(dir, { start: 0, end: 2000, merged: 2 }, blocks, forever), {
    code: 'ASSAY_TSDB_CORRUPT',
    dir: blocks[1]!.dir,
  })
})
