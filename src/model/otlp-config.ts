/**
 * `otlp` of Prometheus' configuration: how metrics of OpenTelemetry become series. Keys and defaults are Prometheus'.
 */
import { z } from 'zod'
import { DEFAULT_OTLP_SETTINGS, type OtlpSettings, TRANSLATION_STRATEGIES } from '#remote'
import { truth } from './config-scalars.ts'

/** Names of attributes, each once; blanks around them are not part of them. */
const attributes = z
  .array(
    z
      .string({ error: 'write the name of an attribute, as in service.name' })
      .trim()
      .min(1, { error: 'an attribute without a name' }),
  )
  .superRefine((names, context) => {
    const seen = new Set<string>()
    for (const [i, name] of names.entries()) {
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: [i], message: `the attribute ${JSON.stringify(name)} stands twice` })
      seen.add(name)
    }
  })

/** What stands in the section `otlp`. */
export const otlpSection = z
  .strictObject({
    translation_strategy: z
      .enum(TRANSLATION_STRATEGIES, { error: `write one of ${TRANSLATION_STRATEGIES.join(', ')}` })
      .default(DEFAULT_OTLP_SETTINGS.strategy),
    promote_all_resource_attributes: truth.default(false),
    promote_resource_attributes: attributes.default([]),
    ignore_resource_attributes: attributes.default([]),
    keep_identifying_resource_attributes: truth.default(false),
    convert_histograms_to_nhcb: truth.default(false),
    promote_scope_metadata: truth.default(false),
    label_name_underscore_sanitization: truth.default(true),
    label_name_preserve_multiple_underscores: truth.default(true),
  })
  .superRefine((given, context) => {
    const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
    if (given.promote_all_resource_attributes && given.promote_resource_attributes.length > 0)
      wrong(
        'promote_resource_attributes',
        'promote_all_resource_attributes promotes these too; write one of the two, and ignore_resource_attributes for exceptions',
      )
    if (!given.promote_all_resource_attributes && given.ignore_resource_attributes.length > 0)
      wrong('ignore_resource_attributes', 'there is nothing to ignore unless promote_all_resource_attributes is true')
  })
  .transform(
    (given): OtlpSettings => ({
      strategy: given.translation_strategy,
      promoteResourceAttributes: given.promote_all_resource_attributes ? 'all' : given.promote_resource_attributes,
      ignoreResourceAttributes: given.ignore_resource_attributes,
      keepIdentifyingResourceAttributes: given.keep_identifying_resource_attributes,
      convertHistogramsToNhcb: given.convert_histograms_to_nhcb,
      promoteScopeMetadata: given.promote_scope_metadata,
      labelNameUnderscoreSanitization: given.label_name_underscore_sanitization,
      labelNamePreserveMultipleUnderscores: given.label_name_preserve_multiple_underscores,
    }),
  )
