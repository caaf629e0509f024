import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exemplify, observe, Store, StoreReader, SUMMARY, set, unset } from '../store/index.ts'
import { ProtoOut } from './proto-out.ts'
import { joinProto, ProtoPage } from './proto-page.ts'

test('a page that goes on from the one before is the page that is written afresh', () => {
  const step = fc.record({
    family: fc.nat(5),
    label: fc.constantFrom('', 'a', 'b', 'c', 'd"\\', 'ü\n', 'long'.repeat(60)),
    what: fc.constantFrom('set', 'set', 'set', 'unset', 'remove', 'page', 'page', 'blind', 'trace'),
    value: fc.oneof(fc.nat(5), fc.maxSafeNat(), fc.double({ noNaN: true }), fc.constantFrom(-0, Number.NaN)),
  })
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
        ] as const
      ).map((spec) => store.family({ ...spec, help: 'Help.', maxSeries: 5 }))
      const goingOn = new ProtoPage(new StoreReader(store.shared), 'worker="1"')
      const check = (isFresh: boolean): void => {
        const fresh = new ProtoPage(new StoreReader(store.shared), 'worker="1"').render(isFresh)
        assert.deepEqual(joinProto([goingOn.render(isFresh)]), joinProto([fresh]))
      }
      for (const { family: i, label, what, value } of steps) {
        const family = families[i]!
        const slot = family.series([['l', label]])
        if (what === 'page' || what === 'blind') check(what === 'page')
        else if (what === 'remove') family.remove(slot)
        else if (family.kind === 'histogram') {
          const seen = Math.abs(value) % 100
          observe(slot, seen)
          if (what === 'trace')
            exemplify(slot, seen, { traceId: '1f'.repeat(16), spanId: 'ab'.repeat(8) }, 1.7e12 + seen * 1_000)
        } else if (family.kind === 'summary') {
          for (let k = 0; k < 4; k++) slot.values[slot.at + k] = value * k
          // A count is a whole number, and small enough to be exact.
          slot.values[slot.at + SUMMARY.count] = Math.floor(Math.abs(Number.isFinite(value) ? value : 0)) % 2 ** 53
        } else if (what === 'unset' && family.kind === 'gauge') unset(slot)
        else set(slot, value)
      }
      check(true)
    }),
    { numRuns: 200 },
  )
})

test('a summary has its quantiles only while they are of this moment', () => {
  const store = new Store()
  const slot = store.family({ name: 's', help: '', kind: 'summary', bounds: [0.5], needsLoop: false }).series()
  slot.values[slot.at + SUMMARY.quantiles] = 7
  const page = new ProtoPage(new StoreReader(store.shared))
  const whole = page.render().map(({ body }) => body.length)
  const blind = page.render(false).map(({ body }) => body.length)
  // A tag, a length, and two doubles with theirs.
  assert.deepEqual([whole[0]! - blind[0]!], [20])
})

test('labels of a page are written as messages, long ones and escaped ones too; half of a label is nothing', () => {
  const message = (text: string): Buffer => {
    const out = new ProtoOut()
    const bytes = Buffer.from(text)
    out.labels(0x0a, bytes, 0, bytes.length)
    return Buffer.from(out.bytes.subarray(0, out.at))
  }
  assert.deepEqual(message('a="x",bc=""'), Buffer.from('\n\x06\n\x01a\x12\x01x\n\x06\n\x02bc\x12\x00'))
  assert.deepEqual(message('a="\\"\\\\\\n"'), Buffer.from('\n\x08\n\x01a\x12\x03"\\\n'))
  const long = 'é'.repeat(100)
  assert.deepEqual(message(`a="${long}"`), Buffer.from([0x0a, 206, 1, 0x0a, 1, 97, 0x12, 200, 1, ...Buffer.from(long)]))
  for (const half of ['', 'a', 'a=', 'a="', 'a="x', 'a="x\\']) assert.deepEqual(message(half), Buffer.from(''), half)
})
