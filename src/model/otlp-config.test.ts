import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_OTLP_SETTINGS } from '#remote'
import { parsePrometheusConfig, planOfPrometheus } from './prometheus-config.ts'

const settings = (text: string) => planOfPrometheus(parsePrometheusConfig(text, 'p.yml'), []).otlp

test('without a section, or with an empty one, the defaults of Prometheus hold', () => {
  for (const text of ['', 'otlp:', 'otlp: {}'])
    assert.deepEqual(settings(text) ?? DEFAULT_OTLP_SETTINGS, DEFAULT_OTLP_SETTINGS)
})

test('every key is read, and has no warning', () => {
  const text = `
otlp:
  translation_strategy: NoTranslation
  promote_all_resource_attributes: true
  ignore_resource_attributes: [' host.id ']
  keep_identifying_resource_attributes: true
  convert_histograms_to_nhcb: true
  promote_scope_metadata: true
  label_name_underscore_sanitization: false
  label_name_preserve_multiple_underscores: false
`
  assert.deepEqual(settings(text), {
    strategy: 'NoTranslation',
    promoteResourceAttributes: 'all',
    ignoreResourceAttributes: ['host.id'],
    keepIdentifyingResourceAttributes: true,
    convertHistogramsToNhcb: true,
    promoteScopeMetadata: true,
    labelNameUnderscoreSanitization: false,
    labelNamePreserveMultipleUnderscores: false,
  })
  assert.deepEqual(parsePrometheusConfig(text, 'p.yml').warnings, [])
  assert.deepEqual(settings('otlp: {promote_resource_attributes: [a.b, c]}')?.promoteResourceAttributes, ['a.b', 'c'])
})

test('what does not fit together is refused at its place', () => {
  const cases: readonly (readonly [text: string, message: RegExp])[] = [
    [
      'otlp:\n  translation_strategy: Other',
      /^p\.yml:2:\d+: otlp\.translation_strategy: write one of UnderscoreEscaping/,
    ],
    ['otlp:\n  promote_resource_attributes: [a, a]', /^p\.yml:2:\d+: .*the attribute "a" stands twice/],
    ['otlp:\n  promote_resource_attributes: ["  "]', /an attribute without a name/],
    [
      'otlp:\n  promote_all_resource_attributes: true\n  promote_resource_attributes: [a]',
      /^p\.yml:3:.*write one of the two/,
    ],
    ['otlp:\n  ignore_resource_attributes: [a]', /^p\.yml:2:.*nothing to ignore/],
    ['otlp:\n  promote_resource_atributes: [a]', /^p\.yml:2:\d+: otlp: "promote_resource_atributes" is not known here/],
  ]
  for (const [text, message] of cases)
    assert.throws(
      () => parsePrometheusConfig(text, 'p.yml'),
      (thrown) => message.test((thrown as Error).message) || assert.fail(String(thrown)),
      text,
    )
})
