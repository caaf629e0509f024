import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import { sampleHistogram } from '#storage'
import { ByteWriter, wordsOf } from '../codec/bytes.ts'
import { readSegment } from './wal-reader.ts'
import {
  beginRecord,
  endRecord,
  type LoggedCommit,
  type LoggedSamples,
  SEGMENT_MAGIC,
  writeNamedSeries,
  writeSamples,
} from './wal-record.ts'

/** Bytes of a record with `count` samples of one series, the first value being `tag`; with an even tag also a histogram and starts. */
function record(tag: number, count = 3): Buffer {
  const out = new ByteWriter(16)
  beginRecord(out)
  writeNamedSeries(out, [{ number: tag, labels: Labels.of({ __name__: 'm', tag: `${tag}`, ключ: 'é' }) }])
  const column = (of: (i: number) => number) => Float64Array.from({ length: count }, (_, i) => of(i))
  writeSamples(out, 0, {
    numbers: column(() => tag),
    timestamps: column((i) => 1.7e12 + i * 15_000 - tag),
    values: column((i) => tag + i / 3),
    count,
    ...(tag % 2 === 0 ? { histograms: [undefined, sampleHistogram([tag, 1])], starts: column(() => tag) } : {}),
  })
  endRecord(out, 0)
  return Buffer.from(out.view())
}

const segment = (tags: readonly number[]) => Buffer.concat([SEGMENT_MAGIC, ...tags.map((tag) => record(tag))])

/** A commit that outlives the reading of the next. */
function copied({ series, samples, late }: LoggedCommit): LoggedCommit {
  const copy = (one: LoggedSamples) => ({
    ...one,
    numbers: one.numbers.slice(0, one.count),
    timestamps: one.timestamps.slice(0, one.count),
    values: one.values.slice(0, one.count),
  })
  return { series, samples: copy(samples), ...(late === undefined ? {} : { late: copy(late) }) }
}

function read(bytes: Buffer) {
  const commits: LoggedCommit[] = []
  const end = readSegment(bytes, (commit) => commits.push(copied(commit)))
  return { commits, tags: commits.map(({ samples }) => samples.values[0]), ...end }
}

test('what was written is read, series, instants and bits', () => {
  const { commits, tornBytes, damagedBytes } = read(segment([5]))
  assert.deepEqual([tornBytes, damagedBytes], [0, 0])
  const [{ series, samples }] = commits as [LoggedCommit]
  assert.deepEqual(
    series.map(({ number, labels }) => [number, labels.toString()]),
    [[5, Labels.of({ __name__: 'm', tag: '5', ключ: 'é' }).toString()]],
  )
  assert.deepEqual([...samples.timestamps], [1.7e12 - 5, 1.7e12 + 14_995, 1.7e12 + 29_995])
  assert.deepEqual([...wordsOf(samples.values)], [...wordsOf(Float64Array.of(5, 5 + 1 / 3, 5 + 2 / 3))])
})

test('late samples come back beside those in order, each with what they have besides', () => {
  const out = new ByteWriter(16)
  beginRecord(out)
  writeNamedSeries(out, [{ number: 0, labels: Labels.of({ __name__: 'm' }) }])
  const group = (at: number, count: number) => ({
    numbers: new Float64Array(count),
    timestamps: new Float64Array(count).fill(at),
    values: new Float64Array(count).fill(at / 2),
    count,
  })
  writeSamples(out, 0, group(7, 2), { ...group(3, 1), histograms: [sampleHistogram([1])], starts: Float64Array.of(2) })
  endRecord(out, 0)
  const { commits } = read(Buffer.concat([SEGMENT_MAGIC, out.view()]))
  const [{ samples, late }] = commits as [LoggedCommit]
  assert.deepEqual([...samples.timestamps, samples.histograms], [7, 7, undefined])
  assert.deepEqual([...late!.timestamps, ...late!.values, ...late!.starts!], [3, 1.5, 2])
  assert.deepEqual(late!.histograms, [sampleHistogram([1])])
  assert.equal(out.view()[12], 3)
})

test('histograms and start timestamps come back with their samples, and a commit without any is a record as before', () => {
  const { commits } = read(segment([4, 5]))
  const [{ samples }, plain] = commits as [LoggedCommit, LoggedCommit]
  assert.deepEqual([...samples.histograms!], [undefined, sampleHistogram([4, 1]), undefined])
  assert.deepEqual([...samples.starts!], [4, 4, 4])
  assert.deepEqual([plain.samples.histograms, plain.samples.starts], [undefined, undefined])
  assert.deepEqual([record(4)[12], record(5)[12]], [2, 1])
})

test('a log torn at any byte gives every whole record before it, and says how much is torn', () => {
  const tags = [1, 2, 3]
  const bytes = segment(tags)
  const ends = [SEGMENT_MAGIC.length]
  for (const tag of tags) ends.push(ends.at(-1)! + record(tag).length)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { tags: found, goodBytes, tornBytes, damagedBytes } = read(bytes.subarray(0, cut))
    const whole = ends.filter((end) => end <= cut)
    assert.deepEqual(found, tags.slice(0, Math.max(0, whole.length - 1)), `cut at ${cut}`)
    assert.equal(goodBytes, whole.at(-1) ?? 0, `cut at ${cut}`)
    assert.equal(tornBytes, cut - goodBytes)
    assert.equal(damagedBytes, 0)
  }
})

test('a flipped bit anywhere loses at most its own record and never yields a changed one', () => {
  const tags = [1, 2, 3, 4]
  const bytes = segment(tags)
  const plain = new Map(read(bytes).commits.map((commit) => [commit.samples.values[0], JSON.stringify(commit)]))
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const { commits, tornBytes, damagedBytes } = read(flipped)
      assert.ok(commits.length >= tags.length - 1, `${commits.length} records`)
      assert.ok(tornBytes + damagedBytes > 0, 'the damage is told')
      for (const commit of commits) assert.equal(JSON.stringify(commit), plain.get(commit.samples.values[0]))
    }),
    { numRuns: 400 },
  )
})

test('nonsense of any kind is read as nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (given) => {
      assert.deepEqual(read(Buffer.from(given)).tags, [])
      const after = read(Buffer.concat([SEGMENT_MAGIC, record(1), given, record(2)]))
      assert.deepEqual(after.tags, [1, 2])
      assert.equal(after.damagedBytes, given.length)
    }),
  )
})
