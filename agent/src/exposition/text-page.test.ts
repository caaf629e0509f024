import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exemplify, observe, Store, StoreReader, SUMMARY, set, unset, unsetAt } from '../store/index.ts'
import { BytesOut, formatNumber } from './bytes-out.ts'
import { endOf, joinText, type TextFormat, TextPage } from './text-page.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

test('a number is written as it is spelled, whole ones too', () => {
  const whole = fc.oneof(fc.maxSafeNat(), fc.nat(2_000), fc.constantFrom(1e9 - 1, 1e9, 1e18, 2 ** 53, 2 ** 53 - 1))
  fc.assert(
    fc.property(fc.oneof(fc.double(), whole, fc.constantFrom(0, -0, 1e21, -1)), (value) => {
      const out = new BytesOut(64)
      out.number(value)
      assert.equal(text(out.bytes.subarray(0, out.at)), formatNumber(value))
    }),
    { numRuns: 1_000 },
  )
})

test('a page that goes on from the one before is the page that is written afresh', () => {
  const step = fc.record({
    family: fc.nat(7),
    label: fc.constantFrom('', 'a', 'b', 'c', 'd"', 'ü'),
    what: fc.constantFrom('set', 'set', 'set', 'unset', 'remove', 'page', 'page', 'blind', 'trace'),
    value: fc.oneof(
      fc.nat(5),
      fc.nat(120),
      fc.maxSafeNat(),
      fc.double({ noNaN: true, min: 0, max: 100 }),
      fc.constant(-0),
    ),
  })
  for (const format of ['text', 'openmetrics'] satisfies TextFormat[]) {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const store = new Store()
        const families = (
          [
            { name: 'g', kind: 'gauge' },
            { name: 'c_total', kind: 'counter' },
            { name: 'h', kind: 'histogram', bounds: [1, 2.5] },
            { name: 'n', kind: 'histogram', bounds: [1, 2.5], native: true },
            { name: 's', kind: 'summary', bounds: [0.5, 1] },
            { name: 'l', kind: 'gauge', needsLoop: true },
            { name: 'e_total', kind: 'counter', exemplars: true },
            { name: 'eh', kind: 'histogram', bounds: [1, 2.5], exemplars: true },
          ] as const
        ).map((spec) => store.family({ ...spec, help: 'Help.', maxSeries: 4 }))
        const goingOn = new TextPage(new StoreReader(store.shared), format, 'worker="1"')
        const check = (isFresh: boolean): void => {
          const fresh = new TextPage(new StoreReader(store.shared), format, 'worker="1"').render(isFresh)
          const page = goingOn.render(isFresh)
          assert.equal(text(page.bytes), text(fresh.bytes))
          assert.equal(
            text(joinText([page.families], format)),
            text(fresh.bytes) + endOf(format),
            'put together from its families it is the same',
          )
        }
        for (const { family: i, label, what, value } of steps) {
          const family = families[i]!
          const slot = family.series([['l', label]])
          // Another exemplar alone is a change, too.
          const labels = `t="${label.slice(0, 1).repeat(value % 128)}"`
          if (what === 'trace') family.exemplify(slot.at, 0, { value, at: 1.7e9 + value, labels })
          if (what === 'page' || what === 'blind') check(what === 'page')
          else if (what === 'remove') family.remove(slot)
          else if (family.kind === 'histogram') {
            observe(slot, value)
            if (what === 'trace')
              exemplify(slot, value, { traceId: '1f'.repeat(16), spanId: 'ab'.repeat(8) }, 1.7e12 + value * 1_000)
          } else if (family.kind === 'summary') {
            for (let k = 0; k < 4; k++) slot.values[slot.at + k] = value * k
            if (what === 'unset') unsetAt(slot.words, slot.at + SUMMARY.quantiles)
          } else if (what === 'unset' && family.kind === 'gauge') unset(slot)
          else set(slot, value)
        }
        check(true)
      }),
      { numRuns: 200 },
    )
  }
})

test('an exemplar stands behind its bucket, in OpenMetrics alone', () => {
  const store = new Store()
  const slot = store.family({ name: 'h', help: '', kind: 'histogram', bounds: [1], native: true }).series()
  observe(slot, 0.5)
  exemplify(slot, 0.5, { traceId: '0123456789abcdef0123456789abcdef', spanId: 'fedcba9876543210' }, 1_700_000_000_125)
  observe(slot, 7)
  exemplify(slot, 7, { traceId: '0'.repeat(32), spanId: 'fedcba9876543210' }, 1_700_000_000_125)
  exemplify(slot, 7, { traceId: 'no trace', spanId: '' }, 1_700_000_000_125)
  const page = (format: TextFormat): string => text(new TextPage(new StoreReader(store.shared), format).render().bytes)
  assert.equal(
    page('openmetrics'),
    [
      '# HELP h ',
      '# TYPE h histogram',
      'h_bucket{le="1.0"} 1 # {trace_id="0123456789abcdef0123456789abcdef",span_id="fedcba9876543210"} 0.5 1700000000.125',
      'h_bucket{le="+Inf"} 2',
      'h_sum 7.5',
      'h_count 2',
      '',
    ].join('\n'),
  )
  assert.ok(!page('text').includes('trace_id'))
})

test('a summary tells its quantiles while they are of this moment, and its sum and count at any time', () => {
  const store = new Store()
  const family = store.family({ name: 's', help: '', kind: 'summary', bounds: [0, 0.5, 0.99], needsLoop: false })
  const slot = family.series([['l', 'a']])
  slot.values.set([9, 3, 1, 2, 6], slot.at)
  unsetAt(slot.words, slot.at + SUMMARY.quantiles)
  const page = new TextPage(new StoreReader(store.shared), 'openmetrics')
  const behind = ['s_sum{l="a"} 9', 's_count{l="a"} 3', '']
  const head = ['# HELP s ', '# TYPE s summary']
  const whole = [...head, 's{l="a",quantile="0.5"} 2', 's{l="a",quantile="0.99"} 6', ...behind].join('\n')
  assert.equal(text(page.render().bytes), whole)
  assert.equal(text(page.render(false).bytes), [...head, ...behind].join('\n'))
  assert.equal(text(page.render().bytes), whole)
})

test('a family whose series have no value is not on the page', () => {
  const store = new Store()
  unset(store.family({ name: 'g', help: '', kind: 'gauge' }).series())
  store.family({ name: 'none', help: '', kind: 'gauge' })
  const { bytes, families } = new TextPage(new StoreReader(store.shared), 'text').render()
  assert.equal(bytes.length, 0)
  assert.equal(families.length, 0)
})
