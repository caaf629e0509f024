import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { parseYaml } from './yaml.ts'

const schema = z.strictObject({
  global: z.strictObject({ interval: z.string() }).optional(),
  jobs: z.array(z.strictObject({ name: z.string() })).optional(),
})
const parse = (text: string) => parseYaml(text, 'p.yml', schema, 'ASSAY_TEST')

test('a good document is its value, an empty one is empty', () => {
  assert.deepEqual(parse('jobs:\n  - name: a\n'), { jobs: [{ name: 'a' }] })
  assert.deepEqual(parse(''), {})
})

const bad = [
  { why: 'broken syntax', text: 'jobs: [a', says: /^p\.yml:\d+:\d+: / },
  { why: 'a wrong type', text: 'global:\n  interval: 5\n', says: /^p\.yml:2:3: global\.interval: / },
  {
    why: 'an unknown key',
    text: 'jobs:\n  - name: a\n    nam: b\n',
    says: /^p\.yml:3:5: jobs\.0: "nam" is not known here/,
  },
  { why: 'a missing key, told at what lacks it', text: 'jobs:\n  - {}\n', says: /^p\.yml:2:5: jobs\.0\.name: / },
  { why: 'a duplicate key', text: 'jobs: []\njobs: []\n', says: /^p\.yml:2:1: .*unique/ },
]
for (const { why, text, says } of bad) {
  test(`${why} is told with its line`, () => {
    assert.throws(() => parse(text), { code: 'ASSAY_TEST', message: says })
  })
}

test('aliases cannot multiply without end', () => {
  const text = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((key, i) => `${key}: &${key} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
    .join('\n')}\n`
  assert.throws(() => parse(text), /alias/i)
})
