import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, unixMs } from '#core'
import { formatFixed, formatFloat, formatGeneral } from './format.ts'
import { type FunctionDeps, labelMap, type Sample } from './functions.ts'
import { compileTemplate, expand } from './run.ts'

const samples: Readonly<Record<string, readonly Sample[]>> = {
  m_tpl: [{ Labels: labelMap(Labels.of({ inst: 'a-1' })), Value: 1234.5678 }],
  m_two: ['y', 'x'].map((k) => ({ Labels: labelMap(Labels.of({ k })), Value: k === 'x' ? 1 : 2 })),
}
const deps: FunctionDeps = {
  externalUrl: 'http://assay.example/base',
  at: unixMs(1000),
  query: async (promql) => samples[promql] ?? [],
}
const run = (source: string, value = 1234.5678) =>
  expand(
    compileTemplate(source),
    {
      labels: labelMap(Labels.of({ inst: 'a-1', job: 'shop' })),
      externalLabels: labelMap(Labels.of({ cluster: 'c1' })),
      value,
    },
    deps,
  )

for (const [source, want] of [
  ['plain', 'plain'],
  ['{{ $value }}', '1234.5678'],
  ['{{ .Value }}', '1234.5678'],
  ['{{ $labels.inst }}', 'a-1'],
  ['{{ .Labels.inst }}/{{.ExternalURL}}', 'a-1/http://assay.example/base'],
  ['[{{ $labels.nope }}]', '[]'],
  ['{{ humanize $value }}', '1.235k'],
  ['{{ humanize 0.00012 }} {{ humanize 0 }} {{ humanize -1500000.0 }}', '120u 0 -1.5M'],
  ['{{ humanize1024 $value }} {{ humanize1024 1.0 }}', '1.206ki 1'],
  ['{{ humanizePercentage 0.1234 }}', '12.34%'],
  ['{{ humanizeDuration 93784.5 }}', '1d 2h 3m 4s'],
  [
    '{{ humanizeDuration 0.0123 }} {{ humanizeDuration 12.34567 }} {{ humanizeDuration -61.5 }}',
    '12.3ms 12.35s -1m 1s',
  ],
  ['{{ humanizeTimestamp 1435065584.128 }}', '2015-06-23 13:19:44.128 +0000 UTC'],
  ['{{ humanizeTimestamp 1435065580 }}', '2015-06-23 13:19:40 +0000 UTC'],
  ['{{ printf "%.2f" $value }}', '1234.57'],
  ['{{ $value | printf "%.1f" }}', '1234.6'],
  ['{{ printf "%5d|%-5s|%05.1f|%x|%q|%%" 42 "ab" 3.14159 255 "q" }}', '   42|ab   |003.1|ff|"q"|%'],
  ['{{ printf "%d" 1.5 }}', '%!d(float64=1.5)'],
  ['{{ toUpper "ab" }}{{ toLower "CD" }}{{ title "ef gh" }}', 'ABcdEf Gh'],
  ['{{ if match "^a" $labels.inst }}yes{{ else }}no{{ end }}', 'yes'],
  ['{{ if match "z" $labels.inst }}1{{ else if eq $labels.job "shop" }}2{{ else }}3{{ end }}', '2'],
  ['{{ reReplaceAll "(.*)-(.*)" "$2:$1" $labels.inst }}', '1:a'],
  ['{{ reReplaceAll "b*" "-" "abc" }}', '-a-c-'],
  ['{{ reReplaceAll "(?P<x>[a-c])(y)?" "<$x$2$$$3>" "abyz" }}', '<a$><by$>z'],
  ['{{ $externalLabels.cluster }}', 'c1'],
  ['{{ with query "m_tpl" }}{{ . | first | value }}/{{ . | first | label "inst" }}{{ end }}', '1234.5678/a-1'],
  ['{{ with query "none" }}some{{ else }}none{{ end }}', 'none'],
  ['{{ range query "m_two" | sortByLabel "k" }}{{ .Labels.k }}={{ .Value }};{{ end }}', 'x=1;y=2;'],
  ['{{ range $i, $s := query "m_two" }}{{ $i }}:{{ $s.Labels.k }} {{ end }}', '0:y 1:x '],
  ['{{ range query "m_two" }}{{ if eq .Labels.k "x" }}{{ continue }}{{ end }}{{ .Labels.k }}{{ break }}{{ end }}', 'y'],
  ['{{ (query "m_tpl" | first).Value }}', '1234.5678'],
  ['{{ define "x" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template "x" (args 1 "b") }}', '1-b'],
  ['{{ stripPort "h:80" }} {{ stripDomain "h.d.x:80" }}', 'h h:80'],
  ['{{ parseDuration "1h30m" }}', '5400'],
  ['{{ if gt $value 1000.0 }}big{{ end }}', 'big'],
  ['{{ if and (gt $value 1.0) (lt $value 2.0) }}in{{ else }}out{{ end }}', 'out'],
  ['a {{- /* said nothing */ -}} b {{- $x := "c" }} {{ $x }}', 'ab c'],
  ['{{ $n := 1 }}{{ if true }}{{ $n = 2 }}{{ end }}{{ $n }}', '2'],
  ['{{ len "äb" }} {{ index $labels "job" }} {{ not true }}', '3 shop false'],
  ['{{ `raw "text"` }}{{ "q\\"t" }}', 'raw "text"q"t'],
] as const) {
  test(`a template: ${source}`, async () => assert.equal(await run(source), want))
}

for (const source of [
  '{{ humanize "x" }}',
  '{{ gt $value 1000 }}',
  '{{ query "none" | first }}',
  '{{ template "y" }}',
]) {
  test(`a fault at run time becomes text: ${source}`, async () => {
    assert.match(await run(source), /^<error expanding template: /)
  })
}

for (const [source, message] of [
  ['{{ nosuch 1 }}', /function "nosuch" is not defined/],
  ['{{ $x }}', /undefined variable \$x/],
  ['{{ if true }}', /missing \{\{ end \}\}/],
  ['{{ end }}', /unexpected end/],
  ['{{ $value', /unexpected/],
  ['{{ }}', /missing value/],
  ['{{ $value | $value }}', /no function/],
] as const) {
  test(`is refused when it is loaded: ${source}`, () => {
    assert.throws(() => compileTemplate(source), { code: 'ASSAY_RULES_TEMPLATE', message })
  })
}

test('a template that calls itself without an end is stopped', async () => {
  assert.match(await run('{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}'), /maximum template depth/)
})

for (const [value, shortest, four] of [
  [0, '0', '0'],
  [100, '100', '100'],
  [1234567, '1.234567e+06', '1.235e+06'],
  [123456, '123456', '1.235e+05'],
  [0.0001, '0.0001', '0.0001'],
  [0.00001234, '1.234e-05', '1.234e-05'],
  [12345, '12345', '1.234e+04'],
  [-0.5, '-0.5', '-0.5'],
  [Number.POSITIVE_INFINITY, '+Inf', '+Inf'],
] as const) {
  test(`${value} prints as in Go`, () => {
    assert.deepEqual([formatFloat(value), formatGeneral(value, 4)], [shortest, four])
  })
}

test('a value between two digits goes to the even one, as in Go', () => {
  assert.deepEqual(
    [formatFixed(0.125, 2), formatFixed(0.375, 2), formatFixed(2.5, 0), formatFixed(-2.5, 0), formatFixed(1.005, 2)],
    ['0.12', '0.38', '2', '-2', '1.00'],
  )
})

test('the shortest print reads back the same', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(Number(formatFloat(value)), value)
    }),
  )
})
