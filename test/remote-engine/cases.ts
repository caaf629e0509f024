/**
 * What every metrics engine must do, as cases: written through the seam, settled, asked through the seam. Each case has series of its
 * own, as all of them run over one server.
 */
import assert from 'node:assert/strict'
import { AssayError, Labels, matcher, type QueryAnswer, unixMs } from '#core'
import { sampleHistogram } from '#storage'
import type { EngineBox } from './engines.ts'

/** The latest samples are some minutes old, so that nothing is too new or too old anywhere. */
const BASE = Math.floor((Date.now() - 1800_000) / 60_000) * 60_000
const MINUTE = 60_000

type Sample = readonly [labels: Readonly<Record<string, string>>, minute: number, value: number | 'stale']

async function write({ engine, settle }: EngineBox, samples: readonly Sample[]): Promise<void> {
  using batch = engine.appender()
  for (const [labels, minute, value] of samples) {
    const at = unixMs(BASE + minute * MINUTE)
    if (value === 'stale') batch.appendStale(undefined, Labels.of(labels), at)
    else batch.append(undefined, Labels.of(labels), at, value)
  }
  const { rejected } = batch.commit()
  assert.deepEqual(rejected, [])
  await settle()
}

const at = (minute: number) => unixMs(BASE + minute * MINUTE)
const span = (from: number, to: number) => ({ start: at(from), end: at(to) })
const named = (name: string) => [[matcher('__name__', '=', name)]]
const ask = ({ engine }: EngineBox, promql: string, minute: number) => engine.query(promql, { at: at(minute) })
const rows = (answer: QueryAnswer): readonly string[] =>
  answer.kind === 'vector' ? answer.samples.map(({ labels, value }) => `${labels} ${value}`).sort() : [answer.kind]
const series = (name: string, count: number, value = (i: number) => i): Sample[] =>
  Array.from({ length: count }, (_, i) => [{ __name__: name, job: 'shop' }, i, value(i)])

export type EngineCase = { readonly name: string; readonly run: (box: EngineBox) => Promise<void> }

export const CASES: readonly EngineCase[] = [
  {
    name: 'an instant query finds the last sample, with its labels',
    async run(box) {
      await write(box, [
        [{ __name__: 'c_instant', job: 'shop', path: '/a"b\\c\n' }, 0, 1],
        [{ __name__: 'c_instant', job: 'shop', path: '/a"b\\c\n' }, 1, 2.5],
        [{ __name__: 'c_instant', job: 'кузница 🔨' }, 1, -3],
      ])
      const answer = await ask(box, 'c_instant', 2)
      assert.deepEqual(rows(answer), [
        'c_instant{job="shop", path="/a\\"b\\\\c\\n"} 2.5',
        'c_instant{job="кузница 🔨"} -3',
      ])
      assert.ok(answer.kind === 'vector' && answer.samples.every((one) => one.at === at(2)))
    },
  },
  {
    name: 'a range query has a point for each step that sees a sample, and none elsewhere',
    async run(box) {
      await write(box, [...series('c_range', 3), [{ __name__: 'c_range', job: 'shop' }, 12, 12]])
      const answer = await box.engine.query('c_range', { ...span(-1, 13), stepMs: MINUTE })
      assert.ok(answer.kind === 'matrix')
      const points = [...answer.series[0]!.timestamps].map((t, i) => [(t - BASE) / MINUTE, answer.series[0]!.values[i]])
      assert.deepEqual(points, [
        [0, 0],
        [1, 1],
        [2, 2],
        [3, 2],
        [4, 2],
        [5, 2],
        [6, 2],
        [12, 12],
        [13, 12],
      ])
    },
  },
  {
    name: 'a stale marker ends a series at once',
    async run(box) {
      await write(box, [...series('c_stale', 2), [{ __name__: 'c_stale', job: 'shop' }, 2, 'stale']])
      assert.deepEqual(rows(await ask(box, 'c_stale', 1)), ['c_stale{job="shop"} 1'])
      assert.deepEqual(rows(await ask(box, 'c_stale', 2)), [])
    },
  },
  {
    name: 'values keep their bits, and what is no number stays so',
    async run(box) {
      const values = [Infinity, -Infinity, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3, 2 ** 53 + 2, Number.NaN]
      await write(
        box,
        values.map((value, i): Sample => [{ __name__: 'c_values', i: String(i) }, 0, value]),
      )
      const answer = await ask(box, 'c_values', 0)
      assert.ok(answer.kind === 'vector')
      const found = answer.samples
        .toSorted((a, b) => Number(a.labels.get('i')) - Number(b.labels.get('i')))
        .map(({ value }) => value)
      assert.deepEqual(found, values)
    },
  },
  {
    name: 'a NaN is a value: a series whose last sample it is, is there',
    async run(box) {
      await write(box, [[{ __name__: 'c_nan' }, 0, Number.NaN]])
      assert.deepEqual(rows(await ask(box, 'c_nan', 0)), ['c_nan NaN'])
    },
  },
  {
    name: 'rate and increase are extrapolated as Prometheus does',
    async run(box) {
      await write(
        box,
        series('c_rate_total', 6, (i) => i * 30),
      )
      const [rate] = rows(await ask(box, 'rate(c_rate_total[5m])', 5))
      assert.equal(rate, '{job="shop"} 0.5')
      const [increase] = rows(await ask(box, 'round(increase(c_rate_total[4m30s]), 0.001)', 5))
      assert.equal(increase, '{job="shop"} 135')
    },
  },
  {
    name: 'a range is open at its beginning',
    async run(box) {
      await write(box, series('c_open', 6))
      assert.deepEqual(rows(await ask(box, 'count_over_time(c_open[5m])', 5)), ['{job="shop"} 5'])
    },
  },
  {
    name: 'operators match label sets, and comparisons drop or keep',
    async run(box) {
      await write(box, [
        [{ __name__: 'c_a', job: 'x', i: '1' }, 0, 6],
        [{ __name__: 'c_a', job: 'x', i: '2' }, 0, 8],
        [{ __name__: 'c_b', job: 'x' }, 0, 2],
      ])
      assert.deepEqual(rows(await ask(box, 'c_a / on (job) group_left c_b > 3', 0)), ['{i="2", job="x"} 4'])
      assert.deepEqual(rows(await ask(box, 'sum by (job) (c_a) > bool 100', 0)), ['{job="x"} 0'])
    },
  },
  {
    name: 'scalars and subqueries are answered, and the @ modifier holds',
    async run(box) {
      await write(box, series('c_sub', 10))
      const scalar = await ask(box, 'scalar(c_sub) * 2', 3)
      assert.deepEqual([scalar.kind, scalar.kind === 'scalar' ? scalar.value : undefined], ['scalar', 6])
      assert.deepEqual(rows(await ask(box, 'max_over_time(c_sub[5m:1m])', 9)), ['{job="shop"} 9'])
      assert.deepEqual(rows(await ask(box, `c_sub @ ${at(4) / 1000}`, 9)), ['c_sub{job="shop"} 4'])
    },
  },
  {
    name: 'names, values and series are found by matchers, within a span',
    async run(box) {
      await write(box, [
        [{ __name__: 'c_look', job: 'shop', route: '/a' }, 0, 1],
        [{ __name__: 'c_look', job: 'mes', route: '/b' }, 0, 1],
        [{ __name__: 'c_look', job: 'crm' }, 0, 1],
      ])
      const all = { sets: named('c_look'), span: span(-1, 1) }
      assert.deepEqual(await box.engine.labelNames(all), ['__name__', 'job', 'route'])
      assert.deepEqual(await box.engine.labelValues('job', all), ['crm', 'mes', 'shop'])
      assert.deepEqual((await box.engine.series(all)).map(String), [
        'c_look{job="crm"}',
        'c_look{job="mes", route="/b"}',
        'c_look{job="shop", route="/a"}',
      ])
      const some = (name: string, op: '=' | '!=' | '=~' | '!~', value: string) =>
        box.engine.labelValues('job', { ...all, sets: [[...named('c_look')[0]!, matcher(name, op, value)]] })
      assert.deepEqual(await some('job', '!=', 'mes'), ['crm', 'shop'])
      assert.deepEqual(await some('job', '=~', 'm.*|crm'), ['crm', 'mes'])
      assert.deepEqual(await some('job', '!~', 'm.*|crm'), ['shop'])
      assert.deepEqual(await some('route', '=', ''), ['crm'])
      const two = [
        [...named('c_look')[0]!, matcher('job', '=', 'crm')],
        [...named('c_look')[0]!, matcher('route', '=', '/a')],
      ]
      assert.deepEqual(await box.engine.labelValues('job', { ...all, sets: two }), ['crm', 'shop'])
    },
  },
  {
    name: 'at most as many are found as are asked for',
    async run(box) {
      await write(
        box,
        Array.from({ length: 9 }, (_, i): Sample => [{ __name__: 'c_limit', i: String(i) }, 0, 1]),
      )
      const lookup = { sets: named('c_limit'), span: span(-1, 1), limit: 3 }
      assert.equal((await box.engine.labelValues('i', lookup)).length, 3)
      assert.equal((await box.engine.series(lookup)).length, 3)
    },
  },
  {
    name: 'names of labels and metrics may be any UTF-8',
    async run(box) {
      await write(box, [[{ __name__: 'c.utf8', 'http.route': '/a' }, 0, 7]])
      assert.deepEqual(rows(await ask(box, '{"c.utf8", "http.route"="/a"}', 0)), ['{"c.utf8", "http.route"="/a"} 7'])
      assert.deepEqual(await box.engine.labelValues('http.route', { sets: named('c.utf8'), span: span(-1, 1) }), ['/a'])
    },
  },
  {
    name: 'the latest samples are those of series that have not ended, at their own instants',
    async run(box) {
      await write(box, [
        [{ __name__: 'c_latest', i: 'lives' }, 0, 1],
        [{ __name__: 'c_latest', i: 'lives' }, 1, 2],
        [{ __name__: 'c_latest', i: 'ended' }, 0, 1],
        [{ __name__: 'c_latest', i: 'ended' }, 1, 'stale'],
      ])
      const latest = async (from: number, to: number) =>
        (await box.engine.latest(named('c_latest'), span(from, to))).map((one) => [
          one.labels.get('i'),
          (one.at - BASE) / MINUTE,
          one.value,
        ])
      assert.deepEqual(await latest(-3, 2), [['lives', 1, 2]])
      assert.deepEqual(await latest(-10, 20), [['lives', 1, 2]], 'after an outage longer than the lookback')
      assert.deepEqual(await latest(10, 20), [], 'nothing in the span')
    },
  },
  {
    name: 'many series of one commit arrive whole',
    async run(box) {
      await write(
        box,
        Array.from({ length: 5000 }, (_, i): Sample => [{ __name__: 'c_many', i: String(i) }, 0, i]),
      )
      assert.deepEqual(rows(await ask(box, 'sum(c_many)', 0)), [`{} ${(4999 * 5000) / 2}`])
      assert.deepEqual(rows(await ask(box, 'count(c_many)', 0)), ['{} 5000'])
    },
  },
  {
    name: 'a sample out of order and one that contradicts another are told to the writer; one that repeats another is not',
    async run({ engine }) {
      using batch = engine.appender()
      const labels = Labels.of({ __name__: 'c_order' })
      batch.append(undefined, labels, at(1), 1)
      batch.append(undefined, labels, at(1), 1)
      batch.append(undefined, labels, at(1), 2)
      batch.append(undefined, labels, at(0), 1)
      const { appended, rejected } = batch.commit()
      assert.deepEqual(
        [appended, rejected.map(({ reason, count }) => `${count} ${reason}`).sort()],
        [1, ['1 duplicate', '1 out-of-order']],
      )
    },
  },
  {
    name: 'a writer goes on by references, which are forgotten and told so',
    async run(box) {
      {
        using batch = box.engine.appender()
        const ref = batch.append(undefined, Labels.of({ __name__: 'c_ref' }), at(0), 1)
        assert.equal(batch.appendKnown(ref, at(1), 2), true)
        assert.equal(batch.appendKnown((2 ** 40) as typeof ref, at(1), 2), false)
        assert.equal(String(batch.labelsOf(ref)), 'c_ref')
        batch.commit()
      }
      await box.settle()
      assert.deepEqual(rows(await ask(box, 'c_ref', 1)), ['c_ref 2'])
    },
  },
  {
    name: 'native histograms are kept, and PromQL calculates with them',
    async run(box) {
      using batch = box.engine.appender()
      batch.appendHistogram(undefined, Labels.of({ __name__: 'c_native' }), at(0), {
        ...sampleHistogram([1, 3]),
        sum: 8,
      })
      batch.commit()
      await box.settle()
      assert.deepEqual(rows(await ask(box, 'histogram_count(c_native)', 0)), ['{} 4'])
      const answer = await ask(box, 'c_native', 0)
      assert.ok(answer.kind === 'vector')
      assert.deepEqual([answer.samples[0]?.histogram?.count, answer.samples[0]?.histogram?.sum], [4, 8])
    },
  },
  {
    name: 'caveats stand beside the answer',
    async run(box) {
      await write(box, series('c_caveat', 3))
      const { infos } = await ask(box, 'rate(c_caveat[5m])', 2)
      assert.match(infos.join(), /metric might not be a counter/)
    },
  },
  {
    name: 'an expression that is none is refused with a sentence',
    async run(box) {
      await assert.rejects(
        ask(box, 'sum(', 0),
        (error: unknown) => error instanceof AssayError && error.message.length > 20,
      )
    },
  },
  {
    name: 'a question ends with its signal, with its reason',
    async run({ engine }) {
      const reason = new Error('gone')
      await assert.rejects(engine.query('1 + 1', { at: at(0) }, AbortSignal.abort(reason)), (error) => error === reason)
    },
  },
]
