import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { busyness, DAY_MS, type Persona } from './rhythm.ts'

const personas = fc.constantFrom<Persona>('customers', 'staff', 'partners')
const instants = fc.integer({ min: 0, max: 2 ** 42 })

test('it is never silent and never busier than the busiest hour', () => {
  fc.assert(
    fc.property(personas, instants, (persona, at) => {
      const now = busyness(persona, at)
      assert.ok(now >= 0.3 && now <= 1, String(now))
    }),
  )
})

test('every day is like the one before', () => {
  fc.assert(
    fc.property(personas, instants, (persona, at) =>
      assert.equal(busyness(persona, at), busyness(persona, at + DAY_MS)),
    ),
  )
})

test('a second changes little: there are no steps that would look like an incident', () => {
  fc.assert(
    fc.property(personas, instants, (persona, at) => {
      assert.ok(Math.abs(busyness(persona, at) - busyness(persona, at + 1000)) < 0.02)
    }),
  )
})

test('customers come in the evening, staff in the morning', () => {
  const hour = (h: number) => (h / 24) * DAY_MS
  assert.ok(busyness('customers', hour(20)) > 2 * busyness('customers', hour(3)))
  assert.ok(busyness('staff', hour(9)) > 1.5 * busyness('staff', hour(20)))
})
