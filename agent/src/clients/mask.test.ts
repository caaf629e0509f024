import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maskedText, maskText } from './mask.ts'

const digits = (length: number): fc.Arbitrary<string> =>
  fc.array(fc.nat(9), { minLength: length, maxLength: length }).map((all) => all.join(''))
const word = (alphabet: string, min: number, max: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...alphabet), { minLength: min, maxLength: max }).map((all) => all.join(''))
const HEX = '0123456789abcdef'
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function luhn(body: string): string {
  for (let check = 0; check < 10; check++) {
    let sum = 0
    const all = `${body}${check}`
    for (let i = 0; i < all.length; i++) {
      const digit = Number(all[all.length - 1 - i]) * (i % 2 === 1 ? 2 : 1)
      sum += digit > 9 ? digit - 9 : digit
    }
    if (sum % 10 === 0) return all
  }
  throw new Error('BUG: no check digit')
}

function iban(country: string, account: string): string {
  const number = [...`${account}${country}00`].map((letter) => String(Number.parseInt(letter, 36))).join('')
  return country + String(98n - (BigInt(number) % 97n)).padStart(2, '0') + account
}

const groups = (text: string, between: string): string => text.replace(/(.{4})(?=.)/g, `$1${between}`)
const between = fc.constantFrom('', ' ', '-')
const card = fc
  .tuple(fc.integer({ min: 12, max: 18 }).chain(digits), between)
  .map(([body, gap]) => ({ all: luhn(body), gap }))
const account = fc
  .tuple(fc.constantFrom('DE', 'CZ', 'GB', 'FR'), digits(18), between)
  .map(([country, number, gap]) => ({ all: iban(country, number), gap }))
const email = fc
  .tuple(word('abcdefgh.+-_1', 1, 20), word('abcdefgh-', 1, 12))
  .map(([local, host]) => `x${local}@${host}x.example`)
const hex = word(HEX, 24, 64).filter((run) => /[a-f]/.test(run))
const base64 = word(BASE64, 32, 80).filter((run) => /[a-z]/.test(run) && /[A-Z]/.test(run.slice(1)) && /\d/.test(run))
const jwt = fc
  .tuple(base64, base64)
  .map(([body, signature]) => `eyJhbGciOi.${body.replace(/[+/]/g, '_')}.${signature.replace(/[+/]/g, '-')}`)

/** A secret as it stands in a text, and the piece of it that must not be seen. */
const planted = fc.oneof(
  card.map(({ all, gap }) => ({ text: groups(all, gap), piece: groups(all, gap) })),
  account.map(({ all, gap }) => ({ text: groups(all, gap), piece: groups(all, gap).slice(4) })),
  email.map((text) => ({ text, piece: text })),
  hex.map((text) => ({ text, piece: text })),
  base64.map((text) => ({ text, piece: text.slice(2, -2) })),
  jwt.map((text) => ({ text, piece: text })),
)
const around = fc.constantFrom('', ' ', 'my card is ', 'pay ', ', ', '"', ' - ', 'č ')
const holder = fc.constantFrom('note', 'comment', 'q', 'items', 'x')

/** Somewhere in a body of any shape. */
const somewhere = (leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.tuple(holder, leaf).map(([name, value]) => ({ [name]: value })),
    fc.tuple(fc.jsonValue({ maxDepth: 1 }), leaf).map((pair) => pair),
    fc.tuple(holder, holder, leaf).map(([outer, inner, value]) => ({ [outer]: [{ [inner]: value }, 1] })),
    leaf.map((value) => ({ note: JSON.stringify({ inside: value }) })),
  )

test('no secret that was planted survives, wherever in a body it stands and whatever stands around it', () => {
  fc.assert(
    fc.property(planted, around, around, fc.nat(3), fc.context(), ({ text, piece }, before, after, way, context) => {
      const whole = `${before}${text}${after}`
      const body = [{ note: whole }, [whole], { deep: { q: [whole] } }, { note: JSON.stringify({ inside: whole }) }][
        way
      ]
      const shown = maskedText(body, 4_096)
      context.log(shown)
      assert.ok(!shown.includes(piece) && !shown.includes(JSON.stringify(piece).slice(1, -1)), shown)
    }),
    { numRuns: 3_000 },
  )
  fc.assert(
    fc.property(somewhere(planted.map(({ text }) => text)), (body) => {
      assert.doesNotThrow(() => JSON.parse(maskedText(body, 1_000_000)))
    }),
  )
})

test('what stands under a secret name is masked whole, whatever it is', () => {
  const names = [
    'password',
    'newPassword',
    'PASSWORD_CONFIRMATION',
    'pwd',
    'token',
    'refresh_token',
    'client_secret',
    'Authorization',
    'apiKey',
    'api_key',
    'cardNumber',
    'cvv',
    'pin',
    'otp',
    'iban',
    'dateOfBirth',
    'phone',
    'email',
    'session',
  ]
  const secret = word('abcdefghijklm NOPQ!', 1, 30).map((text) => `~${text}~`)
  fc.assert(
    fc.property(fc.constantFrom(...names), secret, fc.nat(4), (name, value, way) => {
      const body = [
        { [name]: value },
        { user: { [name]: [value, { deep: value }] } },
        { note: JSON.stringify({ [name]: value }) },
        [{ [name]: { [value]: 1 } }],
        { list: [[{ [name]: value }]] },
      ][way]
      assert.ok(!maskedText(body, 4_096).includes(value))
    }),
  )
  for (const text of [
    'a=1&password=hunter2&b=2',
    'password: hunter2',
    '"secret" : "hunter2"',
    'Authorization: Bearer hunter2',
    'use Basic hunter2',
  ])
    assert.ok(!maskText(text).includes('hunter2'), maskText(text))
})

test('a secret that the cut goes through is not shown in part', () => {
  const secret = '4111 1111 1111 1111'
  for (let before = 1_900; before < 2_100; before++) {
    const shown = maskText(`${'word '.repeat(500).slice(0, before)}${secret} end`)
    assert.ok(!shown.includes('4111 1111'), `after ${before}`)
  }
})

test('what an attack looks like stays readable', () => {
  const body = {
    q: "' OR 1=1 --",
    path: '../../etc/passwd',
    quantity: 3,
    coupon: 'SUMMER26',
    ok: true,
    none: null,
    long: 'an-ordinary-name-of-some-length',
  }
  assert.deepEqual(JSON.parse(maskedText(body, 4_096)), body)
  assert.equal(maskText('order 1234567 of 2026-05-05'), 'order 1234567 of 2026-05-05')
})

test('hostile shapes are bounded: cycles, depth, width, throwing getters, __proto__', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  assert.match(maskedText(cycle, 4_096), /deep/)
  let wide: unknown = 'x'
  for (let i = 0; i < 7; i++) wide = Array(64).fill(wide)
  assert.match(maskedText(wide, 4_096), /more/)
  assert.ok(
    maskedText({ note: 'a'.repeat(1_000_000), list: Array(1e5).fill('session-'.repeat(300)) }, 4_096).length <= 4_096,
  )
  const throwing = {
    get name(): never {
      throw new Error('hostile')
    },
  }
  assert.equal(maskedText(throwing, 100), '{"name":"[unreadable]"}')
  assert.equal(maskedText(JSON.parse('{"__proto__": {"a": 1}}'), 100), '{"__proto__":{"a":1}}')
  assert.equal(maskedText(Buffer.from('secret'), 100), '"[binary]"')
  assert.equal(maskedText(undefined, 100), '')
})
