import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSeries, PageWriter } from './exposition.ts'

test('a page holds families with their help and type before their samples', () => {
  const page = new PageWriter()
    .family('queue_messages', 'gauge', 'Messages\nready.')
    .sample(3, { queue: 'a"b\\c' })
    .sample(undefined, { queue: 'unknown' })
    .family('wait_seconds', 'histogram', 'Wait.')
    .sample(Number.POSITIVE_INFINITY, { le: '+Inf' }, '_bucket')
  assert.equal(
    String(page),
    [
      '# HELP queue_messages Messages\\nready.',
      '# TYPE queue_messages gauge',
      'queue_messages{queue="a\\"b\\\\c"} 3',
      '# HELP wait_seconds Wait.',
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{le="+Inf"} +Inf',
      '',
    ].join('\n'),
  )
})

test('a fact that is not known leaves no trace', () => {
  assert.equal(String(new PageWriter().single('size_bytes', 'gauge', 'Size.', undefined)), '')
})

test('names outside the old alphabet are quoted', () => {
  assert.equal(formatSeries('my.metric', { 'a.b': 'c' }), '{"my.metric","a.b"="c"}')
  assert.equal(formatSeries('up', {}), 'up')
})

test('a raw page is closed with a line break', () => {
  assert.equal(String(new PageWriter().raw('up 1').raw('')), 'up 1\n')
})
