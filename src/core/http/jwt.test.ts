import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { JWT_ALGORITHMS, signJwt, tryRsaKey } from './jwt.ts'

const RSA = generateKeyPairSync('rsa', { modulusLength: 1024 })

const part = (text: string | undefined) => JSON.parse(Buffer.from(text ?? '', 'base64url').toString())

test('whatever is claimed stands in the token, signed so that the public key says it is ours', () => {
  const claims = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(claims, fc.constantFrom(...JWT_ALGORITHMS), fc.option(fc.string()), (given, algorithm, keyId) => {
      const token = signJwt(given, RSA.privateKey, { algorithm, keyId: keyId ?? undefined })
      const [header, body, signature] = token.split('.')
      assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/)
      assert.deepEqual(part(header), { alg: algorithm, typ: 'JWT', ...(keyId ? { kid: keyId } : {}) })
      assert.deepEqual(part(body), JSON.parse(JSON.stringify(given)))
      const signed = Buffer.from(`${header}.${body}`)
      const bytes = Buffer.from(signature ?? '', 'base64url')
      assert.ok(verify(`RSA-SHA${algorithm.slice(2)}`, signed, RSA.publicKey, bytes))
    }),
    { numRuns: 50 },
  )
})

test('a private RSA key is taken in both forms; what is none is told by its absence', () => {
  for (const type of ['pkcs1', 'pkcs8'] as const)
    assert.equal(tryRsaKey(String(RSA.privateKey.export({ type, format: 'pem' })))?.equals(RSA.privateKey), true, type)
  const locked = RSA.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' })
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const none = [
    '',
    'hush',
    String(RSA.publicKey.export({ type: 'spki', format: 'pem' })),
    String(locked),
    String(elliptic.export({ type: 'pkcs8', format: 'pem' })),
  ]
  for (const text of none) assert.equal(tryRsaKey(text), undefined, text)
})
