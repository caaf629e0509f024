import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAll as parse } from './features.test-support.ts'
import { metricNamesOf, ParseError, parseSelector, selectorsOf } from './index.ts'
import { formatExpr } from './print.ts'

const PRINTED: readonly { readonly given: string; readonly printed: string }[] = [
  { given: '1_000 + 0x1F', printed: '1000 + 31' },
  { given: '017 + 019', printed: '15 + 19' },
  { given: '5m', printed: '5m' },
  { given: '-1', printed: '-1' },
  { given: '-2^2', printed: '-2 ^ 2' },
  { given: 'inF', printed: '+Inf' },
  { given: '"a\\x62\\u00e9" ', printed: '"abé"' },
  { given: "'it\\'s'", printed: '"it\'s"' },
  { given: '`raw\\n`', printed: '"raw\\\\n"' },
  { given: 'up{job="shop",}', printed: 'up{job="shop"}' },
  { given: '{"up", job!~"a.*"}', printed: '{__name__="up",job!~"a.*"}' },
  { given: '{"my.metric", "a.b"="c"}', printed: '{"a.b"="c",__name__="my.metric"}' },
  { given: 'up[1h30m] offset -5m @ 10.5', printed: 'up[1h30m] @ 10.500 offset -5m' },
  { given: 'up[1800]', printed: 'up[30m]' },
  { given: 'rate(up[5m:]) ', printed: 'rate(up[5m:])' },
  { given: 'x offset 2 ^ 2', printed: 'x offset 2s ^ 2' },
  { given: 'x[2m*(10+5)] offset -(step()*2)', printed: 'x[2m * (10 + 5)] offset -(step() * 2)' },
  { given: 'sum(x) by (a, "b.c")', printed: 'sum by (a, "b.c") (x)' },
  { given: 'SUM without () (x)', printed: 'sum without () (x)' },
  { given: 'topk(3, x)', printed: 'topk(3, x)' },
  { given: 'a > bool on (x) group_left (y) b', printed: 'a > bool on (x) group_left (y) b' },
  { given: 'a + fill(0) b', printed: 'a + fill (0) b' },
  { given: 'a and on () b or c', printed: 'a and on () b or c' },
  { given: 'sum + offset1 # a comment', printed: 'sum + offset1' },
  { given: 'by + on(on) by', printed: 'by + on (on) by' },
  { given: 'increase(x[5m] anchored)', printed: 'increase(x[5m] anchored)' },
]

test('an expression is printed in its canonical form, and that form reads back the same', () => {
  for (const { given, printed } of PRINTED) {
    assert.equal(formatExpr(parse(given)), printed, given)
    assert.equal(formatExpr(parse(printed)), printed, `again: ${printed}`)
  }
})

test('operators bind as in Prometheus', () => {
  const shape = (text: string): string => {
    const draw = (node: ReturnType<typeof parse>): string =>
      node.kind === 'binary' ? `(${draw(node.left)}${node.op}${draw(node.right)})` : formatExpr(node)
    return draw(parse(text))
  }
  assert.equal(shape('a or b and c'), '(aor(bandc))')
  assert.equal(shape('a unless b and c'), '((aunlessb)andc)')
  assert.equal(shape('a + b * c ^ d ^ e'), '(a+(b*(c^(d^e))))')
  assert.equal(shape('a == b + c'), '(a==(b+c))')
  assert.equal(shape('a - b - c'), '((a-b)-c)')
  assert.equal(shape('-a ^ b * c'), '(-a ^ b*c)')
})

const REFUSED: readonly { readonly given: string; readonly at: string; readonly says: RegExp }[] = [
  { given: '', at: '1:1', says: /no expression found/ },
  { given: 'rate(x)', at: '1:6', says: /expected type range vector.*got instant vector; write x\[5m\]/ },
  { given: 'sum(x[5m])', at: '1:5', says: /expected type instant vector/ },
  { given: '1 == 1', at: '1:3', says: /BOOL modifier; write == bool/ },
  { given: 'a + bool b', at: '1:3', says: /bool modifier can only be used on comparison operators/ },
  { given: 'a and 1', at: '1:1', says: /set operator "and" not allowed/ },
  { given: 'a\n+ nope(b)', at: '2:3', says: /unknown function with name "nope"/ },
  { given: 'count_over_tim(x[5m])', at: '1:1', says: /write count_over_time\(v\[range\]\)/ },
  { given: 'round()', at: '1:1', says: /expected at least 1 argument\(s\) in call to "round", got 0; write round/ },
  { given: 'round(x, 1, 2)', at: '1:1', says: /expected at most 2 argument\(s\) in call to "round", got 3/ },
  { given: 'histogram_quantiles(x, "q")', at: '1:1', says: /expected at least 3/ },
  { given: `histogram_quantiles(x, "q"${', 0.5'.repeat(11)})`, at: '1:1', says: /expected at most 12/ },
  { given: 'Rate(x[5m])', at: '1:1', says: /unknown function with name "Rate"; write rate\(/ },
  { given: 'nonsense_of_mine(x)', at: '1:1', says: /write one of PromQL, as in/ },
  { given: '{}', at: '1:1', says: /at least one non-empty matcher/ },
  { given: 'x{y=~"("}', at: '1:3', says: /not a regular expression/ },
  { given: 'up{a="b"', at: '1:9', says: /unexpected end of input inside braces; write \}/ },
  { given: '(a))', at: '1:4', says: /unexpected right parenthesis/ },
  { given: 'a offset 5m offset 5m', at: '1:1', says: /offset may not be set multiple times/ },
  { given: '(a) offset 5m', at: '1:1', says: /must be preceded by an instant vector selector/ },
  { given: 'a[0s]', at: '1:3', says: /greater than 0/ },
  { given: 'a[5mm]', at: '1:3', says: /bad number or duration syntax: "5mm"/ },
  { given: '"open', at: '1:1', says: /unterminated quoted string/ },
  { given: '"\\q"', at: '1:2', says: /unknown escape/ },
  { given: 'a{"b","c"}', at: '1:1', says: /metric name must not be set twice/ },
  { given: 'sum by (x) (a) by (y)', at: '1:16', says: /grouping is given twice/ },
  // In the words of Prometheus, and where it says so.
  { given: '1+', at: '1:3', says: /unexpected end of input;/ },
  { given: '((1)', at: '1:5', says: /unclosed left parenthesis/ },
  { given: '*x', at: '1:1', says: /unexpected <op:\*>/ },
  { given: 'a b', at: '1:3', says: /unexpected identifier "b"/ },
  { given: 'a 5m', at: '1:3', says: /unexpected duration "5m"/ },
  { given: 'a "b"', at: '1:3', says: /unexpected string "\\"b\\""/ },
  { given: 'rate(a[5m]) by (b)', at: '1:13', says: /unexpected <by>/ },
  { given: 'sum by (1) (x)', at: '1:9', says: /unexpected number "1" in grouping opts, expected label/ },
  { given: 'sum (x) by y', at: '1:12', says: /unexpected identifier "y" in grouping opts, expected "\("/ },
  { given: 'x{a=b}', at: '1:5', says: /unexpected identifier "b" in label matching, expected string/ },
  { given: 'x{a}', at: '1:4', says: /unexpected "}" in label matching, expected label matching operator/ },
  { given: 'x{,}', at: '1:3', says: /unexpected "," in label matching, expected identifier or "}"/ },
  { given: 'x[]', at: '1:3', says: /unexpected "]" in subquery or range selector, expected number, duration, step/ },
  { given: 'x offset', at: '1:9', says: /unexpected end of input in offset, expected number, duration, step/ },
  { given: 'x[5m / 0]', at: '1:6', says: /division by zero/ },
  { given: 'x @', at: '1:4', says: /unexpected end of input in @, expected timestamp/ },
  { given: 'x @ Inf', at: '1:1', says: /timestamp out of bounds for @ modifier: \+Inf/ },
  { given: 'x @ 1 @ 2', at: '1:1', says: /@ <timestamp> may not be set multiple times/ },
  { given: 'x offset 1m[5m]', at: '1:12', says: /no offset modifiers allowed before range/ },
  { given: 'x @ 1 [5m]', at: '1:7', says: /no @ modifiers allowed before range/ },
  { given: '(a + b)[5m]', at: '1:8', says: /ranges only allowed for vector selectors/ },
  { given: 'sum(x,)', at: '1:6', says: /trailing commas not allowed in function call args/ },
  { given: 'sum()', at: '1:1', says: /no arguments for aggregate expression provided/ },
  { given: 'a + fill(0) fill_left(1) b', at: '1:13', says: /same side/ },
  { given: 'a and fill(0) b', at: '1:1', says: /filling in missing series not allowed for set operators/ },
  { given: 'on', at: '1:1', says: /unexpected <on>, which is no metric; write \{"on"\}/ },
  { given: 'topk(a)', at: '1:1', says: /expected 2, got 1/ },
  {
    given: 'c + a and on(x) group_left b',
    at: '1:1',
    says: /no grouping allowed for "and" operation; remove group_left/,
  },
  { given: '1 and on(x) 1', at: '1:1', says: /vector matching only allowed between instant vectors/ },
  { given: 'a + on b', at: '1:8', says: /unexpected identifier "b" in grouping opts, expected "\("/ },
  { given: 'sum(x) anchored', at: '1:1', says: /anchored modifier not implemented/ },
  { given: 'x @ 1e30', at: '1:1', says: /for @ modifier: 1000000000000000019884624838656\.000000;/ },
  { given: '300y', at: '1:1', says: /duration out of range/ },
  { given: 'x[(-5m)]', at: '1:3', says: /duration must be greater than 0/ },
  { given: '0xffffffffffffffff', at: '1:1', says: /parsing "0xffffffffffffffff": invalid syntax/ },
  { given: 'info(1, 2)', at: '1:1', says: /expected type instant vector in call to function "info", got scalar/ },
  { given: 'a + on(x) group_left(x) b', at: '1:3', says: /must not occur in ON and GROUP/ },
  { given: `${'('.repeat(1000)}1${')'.repeat(1000)}`, at: '1:401', says: /nested deeper/ },
  { given: Array(2000).fill('a').join('+'), at: '1:802', says: /nested deeper/ },
]

test('what Prometheus passes over is passed over', () => {
  for (const [given, printed] of [
    ['1 + on() 2', '1 + 2'],
    ['a > bool on() group_left(b) 1', 'a > bool 1'],
    ['a offset 0 offset 5m', 'a offset 5m'],
    ['a offset 0s[5m]', 'a[5m]'],
    ['a @ end() [5m]', 'a[5m] @ end()'],
    ['{"", x="y"}', '{__name__="",x="y"}'],
    ['a @ 1e15', 'a @ 8000000000000.000'],
    ['0777777777777777777777777', '777777777777777800000000'],
  ] as const)
    assert.equal(formatExpr(parse(given)), printed)
})

test('what is wrong is said with its place and with what to write instead', () => {
  for (const { given, at, says } of REFUSED) {
    assert.throws(
      () => parse(given),
      (thrown: unknown) => {
        assert.ok(thrown instanceof ParseError, String(thrown))
        assert.equal(thrown.code, 'ASSAY_PROMQL_PARSE')
        assert.ok(thrown.message.startsWith(`${at}: `), `${given.slice(0, 40)} -> ${thrown.message}`)
        assert.match(thrown.message, says)
        assert.match(thrown.message, /[;,]/)
        return true
      },
    )
  }
})

test('selectors and metric names are found wherever they stand', () => {
  const expr = parse('sum(rate(a{x="1"}[5m])) / on() group_left b or {"c.d"} or {__name__=~"e.*"} or a')
  assert.equal(selectorsOf(expr).length, 5)
  assert.deepEqual(metricNamesOf(expr), ['a', 'b', 'c.d'])
  assert.deepEqual(
    parseSelector('up{job="shop"}').map(({ name, value }) => [name, value]),
    [
      ['__name__', 'up'],
      ['job', 'shop'],
    ],
  )
  assert.throws(() => parseSelector('up offset 5m'), { code: 'ASSAY_PROMQL_PARSE' })
})

test('any text is an expression or refused with a place, never anything else', () => {
  const piece = fc.constantFrom(
    ...['up', 'sum', 'by', '(', ')', '{', '}', '[', ']', ',', ':', '@', '+', '-', '^', '==', '=~', '!=', 'bool', 'on'],
    ...['offset', 'start', 'end', 'group_left', 'and', '5m', '1', '.5', '0x1', '"a"', "'", '`', '#', '\n', '\\', 'é'],
    ...['rate', 'step()', 'fill', 'anchored', 'nan', 'topk', 'job="x"', '{"a"}', '[5m:]', '__name__'],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), fc.constantFrom('', ' '), (pieces, between) => {
      try {
        parse(pieces.join(between))
      } catch (thrown) {
        assert.ok(thrown instanceof ParseError, String(thrown))
        assert.match(thrown.message, /^\d+:\d+: .*[;,]/s)
      }
    }),
    { numRuns: 2000 },
  )
})
