import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels } from '#core'
import type { Target } from '#scrape'
import { cutShard, parseShard, shardOf } from './scrape-shard.ts'

const target = (n: number): Target => ({
  pool: `job-${n % 7}`,
  labels: Labels.of({ job: `job-${n % 7}`, instance: `10.0.0.${n}:9100` }),
  discoveredLabels: Labels.of({ __address__: `10.0.0.${n}:9100` }),
  url: `http://10.0.0.${n}:9100/metrics`,
  intervalMs: 15_000,
  timeoutMs: 10_000,
  honorLabels: false,
  honorTimestamps: true,
  metricRelabelConfigs: [],
  limits: {},
  read: () => Promise.reject(new Error('not read in this test')),
})
const targets = Array.from({ length: 2000 }, (_, n) => target(n))
const nameOf = ({ labels }: { readonly labels: Labels }) => labels.get('instance')

test('every target is on one shard, the same whatever the order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), (count, turn) => {
      const turned = targets.map((_, i) => targets[(i * 7 + turn) % targets.length]!)
      const seen: string[] = []
      for (let index = 0; index < count; index++) {
        const own = cutShard(targets, [], { index, count })
        const again = cutShard(turned, [], { index, count })
        assert.deepEqual(again.targets.map(nameOf).sort(), own.targets.map(nameOf).sort())
        assert.equal(own.targets.length + own.dropped.length, targets.length)
        seen.push(...own.targets.map(nameOf))
      }
      assert.deepEqual(seen.sort(), targets.map(nameOf).sort())
    }),
    { numRuns: 20 },
  )
})

test('shards are of one size, give or take a fifth', () => {
  for (const count of [2, 3, 10]) {
    const sizes = new Array<number>(count).fill(0)
    for (const one of targets) sizes[shardOf(one, count)]!++
    for (const size of sizes)
      assert.ok(Math.abs(size - targets.length / count) < (targets.length / count) * 0.25, `${sizes}`)
  }
})

test('another shard takes its share, and nothing moves between the others', () => {
  for (const count of [1, 2, 5, 9]) {
    const moved = targets.filter((one) => shardOf(one, count) !== shardOf(one, count + 1))
    assert.ok(moved.every((one) => shardOf(one, count + 1) === count))
    assert.ok(Math.abs(moved.length - targets.length / (count + 1)) < targets.length / 10)
  }
})

test('what is the business of others is listed as dropped, with its shard', () => {
  const { targets: own, dropped } = cutShard(targets.slice(0, 20), [], { index: 0, count: 2 })
  assert.ok(own.length > 0 && dropped.length > 0)
  assert.ok(own.every(({ discoveredLabels }) => discoveredLabels.get('__shard__') === '0/2'))
  assert.ok(dropped.every(({ discoveredLabels }) => discoveredLabels.get('__shard__') === '1/2'))
})

test('a shard is written as I/N, from 0 on', () => {
  assert.deepEqual(parseShard('0/3'), { index: 0, count: 3 })
  for (const wrong of ['3/3', '1', '-1/2', '0/0', 'a/b', '0/1001', ''])
    assert.throws(() => parseShard(wrong), { code: 'ASSAY_USAGE', message: /I\/N/ }, wrong)
})
