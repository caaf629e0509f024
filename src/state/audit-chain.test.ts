import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unixMs } from '#core'
import { type ChainHead, EMPTY_CHAIN, type Link, nextLink, verifyChain } from './audit-chain.ts'

function chainOf(texts: readonly string[]): { links: Link[]; head: ChainHead } {
  const links: Link[] = []
  let head: ChainHead = EMPTY_CHAIN
  for (const [i, text] of texts.entries()) {
    const link = nextLink(head, unixMs(i * 7), JSON.stringify(text))
    links.push(link)
    head = link
  }
  return { links, head }
}

const texts = fc.array(fc.string(), { minLength: 1, maxLength: 8 })

test('a chain as it was written holds', () => {
  fc.assert(
    fc.property(texts, (given) => {
      const { links, head } = chainOf(given)
      assert.deepEqual(verifyChain(links, head), { ok: true, entries: given.length })
    }),
  )
})

test('a changed, removed, swapped or cut entry is found at its place', () => {
  fc.assert(
    fc.property(texts, fc.nat(), (given, pick) => {
      const { links, head } = chainOf(given)
      const at = pick % links.length
      const changed = links.with(at, { ...links[at]!, text: `${links[at]!.text} ` })
      const verdict = verifyChain(changed, head)
      assert.ok(!verdict.ok && verdict.seq === at + 1, `changed at ${at + 1}: ${JSON.stringify(verdict)}`)
      assert.equal(verifyChain(links.toSpliced(at, 1), head).ok, false)
      assert.equal(verifyChain(links.slice(0, at), head).ok, false)
      assert.equal(verifyChain(links, { ...head, hash: EMPTY_CHAIN.hash }).ok, false)
    }),
  )
})
