/**
 * Where a job's targets come from: `static_configs`, `file_sd_configs`, `http_sd_configs`, `dns_sd_configs`. The kinds of Prometheus
 * that are not here are refused with what to write instead: a file that starts without half of its targets is worse than one that
 * does not start.
 */
import { z } from 'zod'
import { DNS_RECORD_TYPES, type ScrapeConfig } from '#scrape'
import { duration, labels, notHere, number, text, texts } from './config-scalars.ts'
import { fileOf, httpClientFaults, httpClientOf, httpClientShape, isHttpUrl } from './http-client-config.ts'

const OTHER_KINDS = [
  'aws',
  'azure',
  'consul',
  'digitalocean',
  'docker',
  'dockerswarm',
  'ec2',
  'ecs',
  'elasticache',
  'eureka',
  'gce',
  'hetzner',
  'ionos',
  'kubernetes',
  'kuma',
  'lightsail',
  'linode',
  'marathon',
  'msk',
  'nerve',
  'nomad',
  'openstack',
  'ovhcloud',
  'puppetdb',
  'rds',
  'scaleway',
  'serverset',
  'stackit',
  'triton',
  'uyuni',
  'vultr',
] as const

const staticConfig = z.strictObject({ targets: texts.default([]), labels: labels.default({}) })
const fileSd = z.strictObject({
  files: z
    .array(
      text.refine((file) => /^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/.test(file), {
        error: 'the name must end in .json, .yml or .yaml, and * may stand in its last part alone',
      }),
    )
    .min(1, { error: 'name at least one file' }),
  refresh_interval: duration.default(300_000),
})
const httpSd = z
  .strictObject({
    url: text.refine(isHttpUrl, { error: 'write an address with http:// or https://' }),
    refresh_interval: duration.default(60_000),
    ...httpClientShape,
  })
  .superRefine((keys, context) => {
    for (const { path, message } of httpClientFaults(keys))
      context.addIssue({ code: 'custom', path: [...path], message })
  })
const dnsSd = z
  .strictObject({
    names: texts.min(1, { error: 'name at least one name to look up' }),
    type: z
      .string()
      .toUpperCase()
      .pipe(z.enum(DNS_RECORD_TYPES, { error: `write one of ${DNS_RECORD_TYPES.join(', ')}` }))
      .default('SRV'),
    port: number(z.number().int().min(0).max(65_535)).optional(),
    refresh_interval: duration.default(30_000),
  })
  .refine(({ type, port }) => port !== undefined || type === 'SRV' || type === 'MX', {
    path: ['port'],
    error: 'these records have no port; write port: 9100',
  })

export const discoveryShape = {
  static_configs: z.array(staticConfig).default([]),
  file_sd_configs: z.array(fileSd).default([]),
  http_sd_configs: z.array(httpSd).default([]),
  dns_sd_configs: z.array(dnsSd).default([]),
  ...Object.fromEntries(
    OTHER_KINDS.map((kind) => [
      `${kind}_sd_configs`,
      notHere(
        `assay does not discover targets there; let something that does write them to a file (file_sd_configs) or serve them (http_sd_configs)`,
      ),
    ]),
  ),
}
type Discovery = Pick<
  z.output<z.ZodObject<typeof discoveryShape>>,
  'static_configs' | 'file_sd_configs' | 'http_sd_configs' | 'dns_sd_configs'
>

const MX_PORT = 25

export function discoveryOf(
  keys: Discovery,
  dir: string,
): Pick<ScrapeConfig, 'staticConfigs' | 'fileSdConfigs' | 'httpSdConfigs' | 'dnsSdConfigs'> {
  return {
    staticConfigs: keys.static_configs,
    fileSdConfigs: keys.file_sd_configs.map(({ files, refresh_interval: refreshMs }) => ({
      files: files.map((file) => fileOf(file, dir)),
      refreshMs,
    })),
    ...(keys.http_sd_configs.length === 0
      ? {}
      : {
          httpSdConfigs: keys.http_sd_configs.map(({ url, refresh_interval: refreshMs, ...client }) => ({
            url,
            refreshMs,
            ...httpClientOf(client, dir),
          })),
        }),
    ...(keys.dns_sd_configs.length === 0
      ? {}
      : {
          dnsSdConfigs: keys.dns_sd_configs.map(({ names, type, port = MX_PORT, refresh_interval: refreshMs }) => ({
            names,
            type,
            port,
            refreshMs,
          })),
        }),
  }
}
