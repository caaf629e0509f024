import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, unixMs } from '#core'
import { type LiveAlert, type Observation, RESOLVED_RETENTION_MS, shifted, step, withNewFor } from './alert.ts'

const labels = Labels.of({ alertname: 'Slow', inst: 'a' })
const holds = (value = 1): Observation => ({
  holds: true,
  labels,
  element: Labels.of({ inst: 'a' }),
  annotations: { v: String(value) },
  value,
})
const gone: Observation = { holds: false, blind: false }
const blind: Observation = { holds: false, blind: true }

/** Runs one observation a second from 1 s on: `1` holds, `0` is empty, `b` is blind; says the state after each. */
function life(script: string, timing: { forMs?: number; keepFiringForMs?: number } = {}): string {
  let alert: LiveAlert | undefined
  return [...script]
    .map((char, i) => {
      const seen = char === '1' ? holds(i) : char === 'b' ? blind : gone
      alert = step(alert, seen, unixMs((i + 1) * 1000), { forMs: 0, keepFiringForMs: 0, ...timing })
      return alert === undefined ? '.' : alert.state === 'resolved' ? (alert.blind ? 'B' : 'R') : alert.state[0]
    })
    .join('')
}

for (const { script, timing, want, why } of [
  { script: '0110', timing: {}, want: '.ffR', why: 'without `for` it fires at its first evaluation' },
  { script: '11111', timing: { forMs: 3000 }, want: 'pppff', why: 'it fires at the first evaluation of age `for`' },
  { script: '11', timing: { forMs: 500 }, want: 'pf', why: 'a `for` below the interval fires one interval later' },
  { script: '110111', timing: { forMs: 2000 }, want: 'pp.ppf', why: 'a gap while pending starts anew' },
  {
    script: '10010000',
    timing: { keepFiringForMs: 2000 },
    want: 'ffffffRR',
    why: 'kept, from the first empty evaluation',
  },
  { script: '1b', timing: {}, want: 'fB', why: 'vanished data ends it blind' },
  { script: '101', timing: {}, want: 'fRf', why: 'true again is a new alert' },
]) {
  test(`an alert: ${why}`, () => assert.equal(life(script, timing), want))
}

test('a new alert after a resolved one has a new activeAt', () => {
  const timing = { forMs: 0, keepFiringForMs: 0 }
  const first = step(undefined, holds(), unixMs(1000), timing)
  const over = step(first, gone, unixMs(2000), timing)
  assert.equal(step(over, holds(), unixMs(3000), timing)?.activeAt, 3000)
})

test('a resolved alert is kept for its retention and then forgotten', () => {
  const timing = { forMs: 0, keepFiringForMs: 0 }
  const over = step(step(undefined, holds(), unixMs(0), timing), gone, unixMs(1000), timing)
  assert.equal(step(over, gone, unixMs(1000 + RESOLVED_RETENTION_MS), timing), over)
  assert.equal(step(over, gone, unixMs(1001 + RESOLVED_RETENTION_MS), timing), undefined)
})

test('value and annotations follow each evaluation and stay as they were in a kept gap', () => {
  const timing = { forMs: 0, keepFiringForMs: 9000 }
  const kept = step(step(undefined, holds(3), unixMs(0), timing), gone, unixMs(1000), timing)
  assert.deepEqual([kept?.state, kept?.value, kept?.annotations], ['firing', 3, { v: '3' }])
})

test('an alert taken over from before a restart is not ended by data that has not come yet', () => {
  const timing = { forMs: 0, keepFiringForMs: 0 }
  const fired = step(undefined, holds(), unixMs(0), timing)
  assert.ok(fired?.state === 'firing')
  const held: LiveAlert = { ...fired, heldUntil: unixMs(5000) }
  assert.equal(step(held, blind, unixMs(4999), timing)?.state, 'firing')
  assert.equal(step(held, blind, unixMs(5000), timing)?.state, 'resolved')
  assert.equal(step(held, gone, unixMs(1000), timing)?.state, 'resolved')
})

test('raising `for` above its age puts a firing alert back to pending', () => {
  const fired = step(undefined, holds(), unixMs(0), { forMs: 0, keepFiringForMs: 0 })!
  assert.equal(withNewFor(fired, 10_000, unixMs(5000)).state, 'pending')
  assert.equal(withNewFor(fired, 10_000, unixMs(10_000)), fired)
})

test('a clock that jumps changes no verdict when the alerts are moved along', () => {
  const script = fc.array(fc.constantFrom(holds(), gone, blind), { maxLength: 30 })
  const timing = fc.record({ forMs: fc.nat(5000), keepFiringForMs: fc.nat(5000) })
  fc.assert(
    fc.property(script, timing, fc.integer({ min: -1e7, max: 1e7 }), fc.nat(29), (seen, times, jump, when) => {
      let plain: LiveAlert | undefined
      let jumped: LiveAlert | undefined
      seen.forEach((one, i) => {
        if (i === when && jumped !== undefined) jumped = shifted(jumped, jump)
        plain = step(plain, one, unixMs(1e9 + i * 1000), times)
        jumped = step(jumped, one, unixMs(1e9 + i * 1000 + (i >= when ? jump : 0)), times)
        assert.equal(jumped?.state, plain?.state)
      })
    }),
  )
})
