// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Go's spelling of a group
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expandMatch } from './expand-groups.ts'

const MATCH = /(a)(?<name>b)(?<größe>c)(x)?/.exec('abc')!

for (const [template, text, why] of [
  ['$1-$2', 'a-b', 'groups by number'],
  ['${1}0', 'a0', 'a number ends where its braces do'],
  ['$10', '', 'the longest number counts'],
  ['$1x', '', 'a digit that letters follow is a name'],
  ['$name ${name}', 'b b', 'groups by name'],
  ['$größe', 'c', 'names of letters of any script'],
  ['$01', '', 'a number that begins with 0 is the name of no group'],
  ['$0', 'abc', '0 is the whole match'],
  ['$4|$none|${5}', '||', 'what took no part, or is not there, is nothing'],
  ['$$1 $ $! ${} ${a-b}', '$1 $ $! ${} ${a-b}', 'what is no reference stays'],
] as const)
  test(`${template} expands to ${JSON.stringify(text)}: ${why}`, () => assert.equal(expandMatch(template, MATCH), text))
