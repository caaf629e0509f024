import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WRITE_LIMITS } from '#remote'
import { parseFlags } from './options.ts'
import { FOREIGN_FLAGS } from './prometheus-flags.ts'
import { SERVE_FLAGS, serveOptions } from './serve-flags.ts'

const optionsOf = (...args: readonly string[]) => serveOptions(parseFlags('serve', SERVE_FLAGS, args, {}).values)

test('features come in lists and several times over, and an unknown one is said', () => {
  const { features, notes } = optionsOf(
    '--enable-feature=exemplar-storage,promql-per-step-stats',
    '--enable-feature=native-histograms,nonsense',
    '--enable-feature',
    'auto-reload-config',
  )
  assert.deepEqual([...features].sort(), ['auto-reload-config', 'exemplar-storage', 'promql-per-step-stats'])
  assert.equal(notes.length, 2)
  assert.match(notes.join('\n'), /native-histograms: no flag any more[\s\S]*nonsense: there is no such feature/)
})

test("a command line of Prometheus' own is understood, each flag without effect is said", () => {
  const options = optionsOf(
    '--config.file=p.yml',
    '--web.listen-address=127.0.0.1:9090',
    '--storage.tsdb.path=d',
    '--storage.tsdb.retention.time=30d',
    '--storage.tsdb.wal-compression',
    '--no-storage.tsdb.allow-overlapping-blocks',
    '--query.max-concurrency=5',
    '--query.lookback-delta=2m',
    '--storage.remote.read-sample-limit=5e7',
    '--web.max-connections=10',
    '--storage.remote.write-body-size-limit=1MiB',
    '--storage.remote.write-label-value-length-limit=2048',
    '--web.read-timeout=1m',
    '--web.cors.origin=https?://(a|b)',
    '--web.enable-otlp-receiver',
    '--log.format=json',
  )
  assert.deepEqual(
    [options.config, options.listen.port, options.data, options.queryConcurrency, options.lookbackMs],
    ['p.yml', 9090, 'd', 5, 120_000],
  )
  assert.deepEqual([options.maxConnections, options.readTimeoutMs], [10, 60_000])
  assert.deepEqual(options.writeLimits, { ...WRITE_LIMITS, bodyBytes: 2 ** 20, labelValueBytes: 2048 })
  assert.deepEqual(options.remoteRead, { samples: 50_000_000, concurrent: 10, frameBytes: 1_048_576 })
  assert.deepEqual(
    options.notes.map((note) => note.split(' ')[0]),
    ['--web.enable-otlp-receiver', '--storage.tsdb.wal-compression', '--log.format'],
  )
})

test("the flags are shown by Prometheus' names, those that nobody set too", () => {
  const { flags } = optionsOf('--listen=127.0.0.1:1', '--lifecycle')
  assert.equal(flags['web.listen-address'], '127.0.0.1:1')
  assert.equal(flags['storage.tsdb.retention.time'], '15d')
  assert.equal(flags['web.enable-lifecycle'], 'true')
  assert.equal(flags['web.enable-admin-api'], 'false')
  assert.equal(flags['web.cors.origin'], '')
  assert.deepEqual(Object.keys(flags), Object.keys(flags).toSorted())
})

const refused: readonly { args: readonly string[]; says: RegExp; why: string }[] = [
  { args: ['--agent'], says: /^--agent: there is no agent mode/, why: 'it would store what it should pass on' },
  {
    args: ['--query.max-concurrency=0'],
    says: /^--query-concurrency "0": write a whole number above 0/,
    why: 'nothing would run',
  },
  { args: ['--web.cors.origin=('], says: /^--cors-origin: not a regular expression/, why: 'no expression' },
  { args: ['--read-timeout=soon'], says: /^--read-timeout: /, why: 'no duration' },
  { args: ['--listen=:1', '--listen=:2'], says: /^--listen ":1,:2"/, why: 'it listens on one address' },
]
for (const { args, says, why } of refused)
  test(`${args.join(' ')} is refused: ${why}`, () =>
    assert.throws(() => optionsOf(...args), { code: 'ASSAY_USAGE', message: says }))

test('every flag of Prometheus is taken once, and says what holds instead', () => {
  const names = SERVE_FLAGS.flatMap(({ name, aliases = [] }) => [name, ...aliases])
  assert.equal(new Set(names).size, names.length)
  for (const { name, sentence } of FOREIGN_FLAGS) assert.ok(sentence.length > 10, name)
})
