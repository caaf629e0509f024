import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { Networks, parseIPv4, plainAddress } from './addresses.ts'

test('a range holds what Node says it holds', () => {
  const cidr = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
  )
  fc.assert(
    fc.property(
      fc.array(cidr, { minLength: 1, maxLength: 4 }),
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
      (cidrs, address) => {
        const networks = new Networks(cidrs.map(([base, prefix]) => `${base}/${prefix}`))
        const near = cidrs[0]![0]
        for (const one of [address, near]) {
          const version = isIP(one)
          // Node also compares IPv4 with IPv6 ranges, as mapped addresses; here an address is of its own kind alone.
          const twin = new BlockList()
          for (const [base, prefix] of cidrs) {
            if (isIP(base) === version) twin.addSubnet(base, prefix, version === 6 ? 'ipv6' : 'ipv4')
          }
          assert.equal(networks.has(one), version !== 0 && twin.check(one, version === 6 ? 'ipv6' : 'ipv4'), one)
        }
      },
    ),
  )
})

test('an IPv4 address is read as Node reads it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.stringMatching(/^[0-9.]{0,16}$/), fc.string()), (text) => {
      assert.equal(parseIPv4(text) >= 0, isIP(text) === 4, text)
    }),
  )
  assert.equal(parseIPv4('255.255.255.255'), 2 ** 32 - 1)
})

test('an address over an IPv6 socket is the IPv4 address it stands for', () => {
  assert.equal(plainAddress('::ffff:10.0.0.1'), '10.0.0.1')
  assert.equal(plainAddress('::ffff:a00:1'), '::ffff:a00:1')
  assert.equal(plainAddress('::1'), '::1')
  assert.equal(plainAddress(undefined), '')
})

test('what is not a CIDR is told with one', () => {
  for (const wrong of ['', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/', '10.0.0.0/8/8', 'localhost']) {
    assert.throws(() => new Networks([wrong]), /is not a CIDR; write 10\.0\.0\.0\/8/, wrong)
  }
})
