export { defineSystem, type SystemDefinition } from './define-system.ts'
export type { LimitText, Measure } from './measure.ts'
export {
  type ApiOptions,
  type ApiPart,
  api,
  type BucketPart,
  bucket,
  type ChannelRule,
  type HostPart,
  host,
  type Part,
  type PostgresPart,
  postgres,
  type RabbitmqPart,
  rabbitmq,
} from './parts.ts'
export type * from './plan.ts'
export { PART_KINDS } from './plan.ts'
export { type Action, notify, type Policy, restart, scaleOut, ticket, when } from './policies.ts'
export {
  type ConfigOptions,
  type PrometheusConfig,
  parsePrometheusConfig,
  parseScrapeFile,
  planOfPrometheus,
} from './prometheus-config.ts'
export { command, email, pm2, type Receiver, type RuntimeRef, webhook } from './receivers.ts'
export { parseRemoteEngine, type RemoteEngineConfig, remoteEngineAt } from './remote-engine-config.ts'
export { parseWebConfig, type WebConfig, type WebTls } from './web-config.ts'
