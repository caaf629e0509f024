import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_TIME, MIN_TIME, Params, tryParseSeconds, tryParseTime } from './params.ts'

const cases: readonly { text: string; ms: number | undefined; why: string }[] = [
  { text: '1700000000', ms: 1_700_000_000_000, why: 'whole seconds' },
  { text: '1700000000.1239', ms: 1_700_000_000_124, why: 'fractions of a millisecond are rounded' },
  { text: '-1.5', ms: -1500, why: 'before 1970' },
  { text: '1e3', ms: 1_000_000, why: 'an exponent is a number too' },
  { text: '2026-01-02T03:04:05Z', ms: Date.UTC(2026, 0, 2, 3, 4, 5), why: 'RFC 3339' },
  { text: '2026-01-02T03:04:05.250+02:00', ms: Date.UTC(2026, 0, 2, 1, 4, 5, 250), why: 'with a zone and a fraction' },
  { text: '2026-02-30T00:00:00Z', ms: undefined, why: 'a day that is not' },
  { text: '2026-01-02', ms: undefined, why: 'a date is no instant' },
  { text: '', ms: undefined, why: 'nothing' },
  { text: '0x1p4', ms: 16_000, why: 'Go reads hexadecimal' },
  { text: '0x10', ms: undefined, why: 'but not without its exponent' },
  { text: 'NaN', ms: undefined, why: 'not a number is no instant' },
  { text: '-0.0005', ms: -1, why: 'halves of a millisecond are rounded away from zero' },
  { text: '2026-01-02T24:00:00Z', ms: undefined, why: 'an hour that is not' },
  { text: '2026-01-02T03:04:05.9999Z', ms: Date.UTC(2026, 0, 2, 3, 4, 5, 999), why: 'RFC 3339 is cut off' },
  { text: 'now', ms: undefined, why: 'a word' },
  { text: '292277025-08-18T07:12:54.999999999Z', ms: MAX_TIME, why: 'the end of time as Go spells it' },
  { text: '-9223309901257974.000', ms: MIN_TIME, why: 'the beginning of 64-bit time' },
]

for (const { text, ms, why } of cases) {
  test(`an instant ${JSON.stringify(text)}: ${why}`, () => assert.equal(tryParseTime(text), ms))
}

test('an instant written in seconds or as RFC 3339 reads back the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
      assert.equal(tryParseTime((ms / 1000).toFixed(3)), ms)
      assert.equal(tryParseTime(new Date(ms).toISOString()), ms)
    }),
  )
})

test('a duration is seconds or a number with units', () => {
  assert.equal(tryParseSeconds('15'), 15_000)
  assert.equal(tryParseSeconds('0.5'), 500)
  assert.equal(tryParseSeconds('1h30m'), 5_400_000)
  assert.equal(tryParseSeconds('soon'), undefined)
  assert.equal(tryParseSeconds('1e300'), undefined)
  assert.equal(tryParseSeconds('293y'), undefined, 'beyond what 64 bits hold of nanoseconds')
  assert.equal(tryParseSeconds('-1'), -1000, 'Go reads the sign of a number')
  assert.equal(tryParseSeconds('-1m'), undefined, 'and none of a duration')
})

test('the form comes before the address, and lists keep all', () => {
  const params = new Params(new URLSearchParams('query=form&match[]=a'), new URLSearchParams('query=url&match[]=b'))
  assert.equal(params.get('query'), 'form')
  assert.deepEqual(params.all('match[]'), ['a', 'b'])
  assert.equal(params.get('absent'), '')
})

test('errors name the parameter as Prometheus does', () => {
  const params = new Params(new URLSearchParams('start=x&step=y&limit=-1&n=z'))
  assert.throws(() => params.time('start'), {
    message: 'invalid parameter "start": cannot parse "x" to a valid timestamp',
  })
  assert.throws(() => params.timeOr('start', MIN_TIME), {
    message: 'invalid parameter "start": invalid time value for \'start\': cannot parse "x" to a valid timestamp',
  })
  assert.throws(() => params.requiredDuration('step'), /"step": cannot parse "y" to a valid duration/)
  assert.throws(() => params.limit(), /limit must be non-negative/)
  assert.throws(() => params.count('n'), { message: 'n must be a number' })
  const long = new Params(new URLSearchParams('step=1e300&limit=99999999999999999999&lookback_delta=x'))
  assert.throws(() => long.requiredDuration('step'), {
    message: 'invalid parameter "step": cannot parse "1e300" to a valid duration. It overflows int64',
  })
  assert.throws(() => long.limit(), /strconv\.Atoi: parsing "9+": value out of range/)
  assert.throws(() => long.lookbackDelta(), {
    message: 'error parsing lookback delta duration: cannot parse "x" to a valid duration',
  })
})
