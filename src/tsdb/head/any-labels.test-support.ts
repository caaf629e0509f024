/** Label sets and matchers that meet each other often, for laws over indexes. */
import fc from 'fast-check'
import { Labels, MATCH_OPS, type Matcher, matcher } from '#core'

const text = fc.constantFrom('', 'a', 'b', 'ab', 'ü', '\u{1F600}', '￿')
const labels = fc.record({ x: text, y: text, z: text }).map((record) => Labels.of(record))

export const anyMatchers: fc.Arbitrary<Matcher[]> = fc.array(
  fc
    .tuple(
      fc.constantFrom('x', 'y', 'z', 'w'),
      fc.constantFrom(...MATCH_OPS),
      fc.constantFrom('', 'a', 'ü', 'a.*', '.*', '.+', 'a|b'),
    )
    .map(([name, op, value]) => matcher(name, op, value)),
  { maxLength: 3 },
)

/** No two of them are the same. */
export const distinctLabels: fc.Arbitrary<Labels[]> = fc.uniqueArray(labels, {
  maxLength: 30,
  selector: (one) => one.key,
})
